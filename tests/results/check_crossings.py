"""Two people who cross before a camera keep their numbers: whole frames through detector, tracker and all."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien import FaceReader, FrameResult, read_image
from mien.cameras import demo
from mien_train.training.progress import progress

COUNT, LEAST = 200, 0.9
SIZE = (480, 640)
_HEAD = (slice(20, 260), slice(130, 330))  # of the photograph
_ENDS = 0.12  # share of a clip, at its beginning and at its end, in which everybody is seen apart
_NOISE = 4.0  # standard deviation, luma


@dataclass(frozen=True)
class Person:
    """Somebody who walks through the frame.

    Attributes:
        head: uint8 (h, w), as tall as it is shown.
        mask: float32 (h, w), what of it hides what is behind.
        start, end: of the middle of the head, frame pixels.
    """

    head: NDArray[np.uint8]
    mask: NDArray[np.float32]
    start: tuple[float, float]
    end: tuple[float, float]

    def at(self, share: float) -> tuple[float, float]:
        """The head's middle after a share of the clip."""
        (left, top), (right, bottom) = self.start, self.end
        return left + share * (right - left), top + share * (bottom - top)

    def paint(self, frame: NDArray[np.float32], share: float) -> None:
        height, width = self.head.shape
        x, y = self.at(share)
        move = np.array([[1, 0, x - width / 2], [0, 1, y - height / 2]], np.float32)
        head = cv2.warpAffine(self.head, move, SIZE[::-1], flags=cv2.INTER_LINEAR)
        mask = cv2.warpAffine(self.mask, move, SIZE[::-1], flags=cv2.INTER_LINEAR)
        frame += mask * (head - frame)


def people(rng: np.random.Generator) -> tuple[Person, Person]:
    """The one behind first, who walks the other way."""
    head = read_image(demo.photograph())[_HEAD]
    found = []
    for mirrored in rng.permutation([False, True]).tolist():
        tall = round(rng.uniform(150, 260))
        size = (round(tall * head.shape[1] / head.shape[0]), tall)
        shown = cv2.resize(head[:, ::-1] if mirrored else head, size, interpolation=cv2.INTER_AREA)
        mask = np.zeros(shown.shape, np.float32)
        cv2.ellipse(mask, (size[0] // 2, tall // 2), (round(size[0] * 0.42), round(tall * 0.47)), 0, 0, 360, 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 3)
        y = SIZE[0] / 2 + rng.uniform(-40, 40, 2)
        ends = (rng.uniform(110, 160), SIZE[1] - rng.uniform(110, 160))
        start, end = ends if not found else ends[::-1]
        found.append(Person(np.asarray(shown, np.uint8), mask, (start, y[0]), (end, y[1])))
    return found[0], found[1]


def numbers(result: FrameResult, both: tuple[Person, Person], share: float) -> list[int | None]:
    """Whose face has which number, None for one that is not found."""
    taken: list[int | None] = []
    for person in both:
        x, y = person.at(share)
        near = [(abs(r.face.box.centre[0] - x) + abs(r.face.box.centre[1] - y), r.track) for r in result.readings]
        distance, track = min(near, default=(np.inf, None))
        taken.append(track if distance < person.head.shape[0] / 2 else None)
    return taken


def followed(reader: FaceReader, seed: int) -> str:
    """ "kept", "lost" (a number is new at the end) or "swapped"."""
    rng = np.random.default_rng(seed)
    both, rate = people(rng), float(rng.uniform(10, 30))
    count = round(rng.uniform(1.5, 4.0) * rate)
    room = np.linspace(rng.uniform(40, 120), rng.uniform(120, 200), SIZE[1], dtype=np.float32)
    reader.reset()
    first: list[int | None] = [None, None]
    last: list[int | None] = [None, None]
    for index in range(count):
        share = index / (count - 1)
        frame = np.tile(room, (SIZE[0], 1))
        for person in both:
            person.paint(frame, share)
        frame += rng.normal(0, _NOISE, SIZE).astype(np.float32)
        result = reader.read(np.clip(frame, 0, 255).astype(np.uint8), round(index / rate * 1e9))
        seen = numbers(result, both, share)
        if share < _ENDS:
            first = [new if new is not None else old for old, new in zip(first, seen, strict=True)]
        elif share > 1 - _ENDS:
            last = [new if new is not None else old for old, new in zip(last, seen, strict=True)]
    assert None not in first, f"seed {seed}: somebody is not seen at the beginning"
    assert first[0] != first[1], f"seed {seed}: both have one number at the beginning"
    if first == last:
        return "kept"
    return "swapped" if last[0] == first[1] or last[1] == first[0] else "lost"


def test_of_crossing_people_nine_in_ten_keep_their_numbers_and_none_takes_the_others() -> None:
    with FaceReader() as reader:
        found = [followed(reader, seed) for seed in progress(range(COUNT), "crossings", COUNT)]
    counts = {outcome: found.count(outcome) for outcome in ("kept", "lost", "swapped")}
    assert counts["kept"] >= LEAST * COUNT, counts
    assert not counts["swapped"], counts
