"""How a comparison is made: its plan, what that makes of a contestant's recipe, and which runs are complete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien_train.data import sample
from mien_train.recipes import choosing, named
from mien_train.recipes.base import Recipe
from mien_train.study.contestants import CONTESTANTS, Contestant
from mien_train.training import checkpoint

QUICK_EVERY = 16
"""A quick look trains on one image in so many: 13 epochs of the whole data take a quarter of an hour on two cores."""

_QUICK = ("epochs=1",)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to compare.

    Attributes:
        runs: folder of the run folders; a complete run in it is not trained again.
        data: data folder.
        seed: of every training.
        jobs: trainings at a time, which share the processor's cores.
        quick: one epoch each.
        log: gets a line for each look at a test split; None as in `evaluation.evaluate`.
    """

    runs: Path
    data: Path
    seed: int = 0
    jobs: int = 1
    quick: bool = False
    log: Path | None = None

    def run(self, contestant: Contestant) -> Path:
        """Run folder of a contestant."""
        return self.runs / contestant.folder

    def settings(self, contestant: Contestant) -> list[str]:
        """`name=value` changes of the contestant's recipe."""
        start = [c for c in CONTESTANTS if c.name == contestant.start]
        init = [f"init={self.run(start[0]) / 'checkpoint.pt'}"] if start else []
        return [*contestant.settings, *init, *(_QUICK if self.quick else ())]

    def recipe(self, contestant: Contestant) -> Recipe:
        """The contestant's recipe with these changes."""
        return choosing.chosen(named.EMOTION, contestant.recipe, self.settings(contestant))

    def complete(self, contestant: Contestant) -> bool:
        """Whether the run came to its end.

        Raises:
            MienError: it was another run.
        """
        path = self.run(contestant) / "checkpoint.pt"
        if not path.is_file():
            return False
        stored = checkpoint.load(path)
        if (choosing.recipe_of(stored.task, stored.recipe), stored.seed) != (self.recipe(contestant), self.seed):
            raise MienError(
                f"{path.parent}: was trained with another recipe or seed; remove it or choose another --runs"
            )
        return not stored.resume


def plan_of(runs: Path, data: Path, seed: int, jobs: int, quick: bool) -> Plan:
    """A plan; a quick look keeps its runs, its few images and its looks at the test split apart from the real ones.

    Raises:
        MienError: the data cannot be read, or the quick look's few images cannot be written.
    """
    if not quick:
        return Plan(runs, data, seed, jobs)
    quick_runs = runs.parent / f"{runs.resolve().name}-quick"
    few = sample.write(data, quick_runs / "data", QUICK_EVERY)
    return Plan(quick_runs, few, seed, jobs, True, quick_runs / "test-log.jsonl")
