"""The `mien` command, and `python -m mien`: the first code that runs, before anything that takes time is imported."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the process's command line; see `mien.cli`."""
    if sys.argv[1:2] == ["run"]:
        _settle()
    from mien.cli import main
    from mien.leaving import leave

    status = main()
    leave(status)
    return status


def _settle() -> None:
    # Until `mien.signals` takes over: nothing is open yet that could be opened anew, and nothing to be closed.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.stderr is None or not sys.stderr.isatty():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
