"""What a recipe for an emotion classifier sets beside its architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from mien.errors import MienError
from mien_train.recipes.base import Recipe
from mien_train.recipes.values import Share, Span, Weight

Labels = Literal["ferplus", "truncated", "majority", "fer2013", "sixclass", "folders"]
Partition = Literal["usage", "swapped", "holdout"]
Augmentation = Literal["wide", "strong", "light", "none"]
NearCopies = Literal["kept", "left-out"]
Crops = Literal["direct", "detector"]
Imbalance = Literal["none", "weights", "sampler"]

FERPLUS_LABELS: tuple[Labels, ...] = ("ferplus", "truncated", "majority")
"""Those that are made of FER+'s votes."""


@dataclass(frozen=True)
class EmotionRecipe(Recipe):
    """An emotion classifier of 48×48 faces: its data and how they are shown.

    What is trained is one of `mien_train.recipes.architectures`, each a recipe of this kind with the fields of its
    network.

    Attributes:
        mixup: largest share of a second image mixed into an image (0 for none).
        labels: "ferplus" (shares of FER+'s votes), "truncated" (shares of the votes that decide), "majority" (FER+,
            strict), "fer2013" (seven classes), "sixclass" (FER2013 without disgust) or "folders" (a user's own; chosen
            by itself when the data are class folders).
        partition: of FER2013: "usage" (Training, PublicTest to validate, PrivateTest to test), "swapped" (PrivateTest
            validates) or "holdout" (a share of Training validates; both test parts test).
        holdout: that share, of each class.
        searched: weight of the loss of a second head, which learns FER2013's own seven labels (what was searched for,
            where FER+'s say what was seen), each class weighing alike; 0 for no second head.
        taught: share of the loss that the averaged answers of teachers have, the labels having the rest; 0 for no
            teachers. `mien_train distil` alone has some.
        taught_temperature: by which teachers' and student's logits are divided where they are compared: the higher, the
            more the unlikely classes count.
        unlabelled: unlabelled faces shown in an epoch, as a share of the labelled images; teachers alone speak of them.
        teachers: who they are, the first digits of their checkpoints' SHA-256; filled in by `mien_train distil`.
        near_copies: of validation and test images among the training images of FER2013: "kept" or "left-out".
        augmentation: "wide", "strong", "light" or "none"; see `mien_train.emotion.augment.KINDS`.
        augmented: share of training images that are augmented at all.
        corrupted: share of training images that something spoils: one of `mien_train.emotion.corruptions` each.
        sharpen: share of training images that are sharpened.
        half_face: share of training images of which one half, left or right, is painted over.
        crops: "direct" (images as they are) or "detector" (cut by the detector's landmarks, as the kiosk cuts them).
        imbalance: "none", "weights" (the loss counts rare classes more) or "sampler" (equal counts per class).
        label_smoothing: share of each target that is spread over all classes.
        exclude: CSV of training rows to leave out, of `mien_train clean`; empty for none.
        wanted_accuracy: share of right readings among those that the deployed classifier does not abstain from; the
            abstain threshold follows from it, on validation images that keep contested faces where there are votes.
    """

    mixup: Share = 0.0
    labels: Labels = "ferplus"
    partition: Partition = "usage"
    holdout: Share = 0.1
    searched: Weight = 0.0
    taught: Share = 0.0
    taught_temperature: Annotated[float, Span(0.1, 100)] = 2.0
    unlabelled: Share = 0.0
    teachers: str = ""
    near_copies: NearCopies = "kept"
    augmentation: Augmentation = "strong"
    augmented: Share = 1.0
    corrupted: Share = 0.0
    sharpen: Share = 0.0
    half_face: Share = 0.0
    crops: Crops = "direct"
    imbalance: Imbalance = "none"
    label_smoothing: Share = 0.0
    exclude: str = ""
    wanted_accuracy: Share = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.searched and not self.usual:
            raise MienError(
                f"searched is {self.searched:g}, but a second head needs FER+'s labels in FER2013's own partition; "
                f"set labels to {' or '.join(FERPLUS_LABELS)}, partition to usage, crops to direct, or searched to 0"
            )
        if self.unlabelled and not self.taught:
            raise MienError(f"unlabelled is {self.unlabelled:g}, but nobody says what these faces show; set taught too")
        if self.taught and (self.mixup or self.imbalance == "sampler"):
            raise MienError(
                "teachers answer for each image as it is shown, once an epoch; set mixup to 0 and imbalance to none or "
                "weights, or taught to 0"
            )

    @property
    def usual(self) -> bool:
        """Whether FER+'s strict validation split is what the recipe selects on."""
        return self.labels in FERPLUS_LABELS and self.partition == "usage" and self.crops == "direct"
