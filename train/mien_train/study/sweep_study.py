"""The Optuna study behind a sweep: its storage, its queue, and the trials whose process died.

A running trial holds the lock `trial.lock` in its folder. A trial that runs by the storage while nobody holds its lock
is dead; trials of other machines, whose folders are not here, are dead when they give no sign of life any more.
"""

from __future__ import annotations

import fcntl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mien.errors import MienError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner

_HEARTBEAT, _GRACE = 60, 300
"""Seconds between two signs of life of a running trial, and after which one without is another machine's dead one."""


def opened(optuna: ModuleType, storage: str, name: str, pruner: BasePruner) -> Study:
    """The study of that name, made if it is not there yet.

    Args:
        optuna: the package.
        storage: SQLAlchemy URL.
        name: of the study.
        pruner: stops trials early.

    Raises:
        MienError: the storage cannot be opened.
    """
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    try:
        try:
            return _opened(optuna, storage, name, pruner)
        except IntegrityError:  # another process made the tables in the same moment; they are there now
            return _opened(optuna, storage, name, pruner)
    except (SQLAlchemyError, ImportError, RuntimeError, optuna.exceptions.OptunaError) as error:
        raise MienError(
            f"--storage: cannot be opened ({type(error).__name__}); give a URL such as sqlite:///study.db"
        ) from None


def left(optuna: ModuleType, study: Study, out: Path, wanted: int, listed: bool) -> bool:
    """Whether there is a trial to begin; dead ones are put back into the queue first.

    Args:
        optuna: the package.
        study: of the sweep.
        out: sweep folder of this process.
        wanted: number of trials.
        listed: only trials in the queue are to be begun.
    """
    states = optuna.trial.TrialState
    with warnings.catch_warnings(), held(out / "lock"):
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
        for trial in study.get_trials(states=(states.RUNNING,)):
            if _abandoned(out / trial.user_attrs.get("folder", ""), trial.number):
                study.tell(trial.number, state=states.FAIL)
        repeated = {trial.user_attrs.get("repeats") for trial in study.get_trials(deepcopy=False)}
        for trial in study.get_trials(states=(states.FAIL,)):
            if "error" not in trial.user_attrs and trial.number not in repeated:
                kept: dict[str, Any] = {
                    key: trial.user_attrs[key] for key in ("asked", "folder") if key in trial.user_attrs
                }
                study.enqueue_trial(
                    {**kept.get("asked", {}), **trial.params}, user_attrs={**kept, "repeats": trial.number}
                )
                repeated.add(trial.number)
    trials = study.get_trials(deepcopy=False)
    begun = sum(trial.state != states.WAITING and trial.number not in repeated for trial in trials)
    return begun < wanted and (not listed or any(trial.state == states.WAITING for trial in trials))


def _opened(optuna: ModuleType, storage: str, name: str, pruner: BasePruner) -> Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        database = optuna.storages.RDBStorage(storage, heartbeat_interval=_HEARTBEAT, grace_period=_GRACE)
    study: Study = optuna.create_study(
        storage=database, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
    )
    return study


@contextmanager
def held(path: Path, owner: str = "") -> Iterator[None]:
    """A lock that the kernel frees when its process ends, however it ends; the file keeps the owner's name."""
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(owner)
        file.flush()
        yield


def _abandoned(folder: Path, trial: int) -> bool:
    """Whether the trial ran in this very folder, not in another machine's of that name, and its process is gone."""
    path = folder / "trial.lock"
    if not path.is_file() or path.read_text(encoding="utf-8") != str(trial):
        return False
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
