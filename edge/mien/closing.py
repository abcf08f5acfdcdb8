"""What everything has in common that holds an interpreter, a device or a file: `with` closes it."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closing:
    """A context manager by its `close`, which is safe to call twice."""

    def close(self) -> None:
        """Let go of what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
