"""The one exception that reaches the user as a line of text."""

from __future__ import annotations


class MienError(Exception):
    """A mistake the user can mend.

    The message is one line that says what was wrong, with which value, and what to do. Command lines print
    it on standard error without a traceback and exit with status 2.
    """
