"""The one exception that reaches the user as a line of text."""

from __future__ import annotations

_HEAD, _TAIL = 700, 250  # characters of too long a message that stay: what was wrong, and what to do


class MienError(Exception):
    """A mistake the user can mend.

    The message is one line that says what was wrong, with which value, and what to do. Command lines print
    it on standard error without a traceback and exit with status 2. It stays one line whatever the value or the file
    name in it: see `one_line`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class RunError(MienError):
    """A run that began well and failed later, such as with a lost camera: trying again may help.

    Command lines exit with status 3 instead, so that a service manager starts it again, which would be in vain after a
    mistake in the command line or the settings.
    """


class OutputError(MienError):
    """A file that readings are to go to cannot be opened: a wrong path, or a disk that is not itself any more."""


def one_line(text: str) -> str:
    """A text in which what cannot be printed (line ends, terminal codes, bytes of no character) is escaped.

    Of more than about a thousand characters the middle is left out.
    """
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]} … {text[-_TAIL:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
