"""The Optuna study behind a sweep: its storage, its queue, and the trials whose process died.

A running trial gives Optuna's sign of life. One that gives none any more is failed by Optuna, and queued again by its
own callback, with the values and the folder that it had.
"""

from __future__ import annotations

import time
import warnings
from types import ModuleType
from typing import TYPE_CHECKING

from mien.errors import MienError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

HEARTBEAT, GRACE = 10, 60
"""Seconds between two signs of life of a running trial, and after which one without is dead: an epoch holds no process
up for that long."""


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
            f"--storage: cannot be opened ({type(error).__name__}); give a URL such as sqlite:///study.db, where there "
            "is room"
        ) from None


def queue_again(optuna: ModuleType, study: Study, number: int) -> None:
    """Queue a trial that was cut off once more, as Optuna does with one whose process died."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        trial = next(trial for trial in study.get_trials() if trial.number == number)
        optuna.storages.RetryHeartbeatStaleTrialCallback()(study, trial)


def repeats(trial: FrozenTrial) -> int | None:
    """Number of the trial of which this is another try, or None."""
    history: list[int] = trial.system_attrs.get("retry_history", [])  # of Optuna's callback
    return history[-1] if history else None


def left(optuna: ModuleType, study: Study, wanted: int, listed: bool) -> bool:
    """Whether there is a trial to begin.

    While there is none, but one is running elsewhere, waits for it to end, or to show that it lives: if it is dead, it
    is to be begun again.

    Args:
        optuna: the package.
        study: of the sweep.
        wanted: number of trials.
        listed: only trials in the queue are to be begun.
    """
    states = optuna.trial.TrialState
    until = time.monotonic() + GRACE + HEARTBEAT
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(study)
        trials = study.get_trials(deepcopy=False)
        repeated = {repeats(trial) for trial in trials}
        begun = sum(trial.state != states.WAITING and trial.number not in repeated for trial in trials)
        if begun < wanted and (not listed or any(trial.state == states.WAITING for trial in trials)):
            return True
        if time.monotonic() > until or not any(trial.state == states.RUNNING for trial in trials):
            return False
        time.sleep(HEARTBEAT / 10)


def _opened(optuna: ModuleType, storage: str, name: str, pruner: BasePruner) -> Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        database = optuna.storages.RDBStorage(
            storage,
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
        )
    study: Study = optuna.create_study(
        storage=database, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
    )
    return study
