"""The rows of a run as TensorBoard scalars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mien.errors import MienError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_GROUPS = {"loss_": "loss/", "val_": "validation/"}
"""Beginning of a row's key to the group in which TensorBoard shows it."""


class Log:
    """Events in `run/tensorboard`; look at them with `tensorboard --logdir RUN`.

    A context manager. A resumed run goes on where it was cut off: epochs at or after its first row replace what the
    folder has of them.

    Args:
        run: run folder.

    Raises:
        MienError: on entering, if tensorboard is not installed.
    """

    def __init__(self, run: Path) -> None:
        self._folder = run / "tensorboard"
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> Log:
        _writer_type()  # a missing package is to be said before training, not after its first epoch
        return self

    def write(self, row: Mapping[str, float]) -> None:
        """Add one row of a history: `epoch` counts from 1, every other key becomes a scalar of that epoch."""
        epoch = int(row["epoch"])
        if self._writer is None:
            self._writer = _writer_type()(str(self._folder), purge_step=epoch)
        for key, value in row.items():
            if key != "epoch":
                self._writer.add_scalar(_tag(key), value, epoch)
        self._writer.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()


def _tag(key: str) -> str:
    for beginning, group in _GROUPS.items():
        if key.startswith(beginning):
            return group + key.removeprefix(beginning)
    return key


def _writer_type() -> type[SummaryWriter]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MienError("tensorboard is not installed; install it: pip install 'mien[train]'") from None
    return SummaryWriter
