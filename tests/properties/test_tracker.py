"""Track numbers: each face has one of its own, none is used twice, and one that is long gone never returns."""

from __future__ import annotations

from edge_fakes import face
from hypothesis import example, given
from hypothesis import strategies as st

from mien.faces.face import Box, Face
from mien.tracking.assignment import assign
from mien.tracking.tracker import Tracker

LONGEST_ABSENCE = 2.0 + 1e-6
"""Seconds after which no track can be continued, by the tracker's own words."""

places = st.floats(-1e4, 1e4) | st.sampled_from([0.0, 10.0, 12.0, 60.0])
sides = st.sampled_from([0.0, 1e-3, 40.0, 44.0, 80.0]) | st.floats(0, 2000)


def _face(left: float, top: float, width: float, height: float) -> Face:
    whole = face(left, top, 40)
    return Face(Box(left, top, left + width, top + height), whole.landmarks, 0.9)


FRONT = _face(0, 0, 60, 60)
faces = st.builds(_face, places, places, sides, sides)
steps = st.sampled_from([0, 1, 40_000_000, 100_000_000, 700_000_000, 3_000_000_000, -40_000_000, -(10**12), 10**15])
films = st.lists(st.tuples(steps, st.lists(faces, max_size=5)), min_size=1, max_size=10)


@given(films, st.sampled_from([0.0, 0.6, 5.0]))
@example([(0, [face(0, 0), face(0, 0)]), (0, [face(0, 0), face(0, 0)])], 0.6)
@example([(40_000_000, [_face(5, 5, 0, 0)]), (40_000_000, [_face(5, 5, 0, 0), _face(5, 5, 0, 0)])], 0.6)
@example(  # hidden behind another one until it is too old
    [(0, [FRONT, _face(0, 0, 80, 57)]), (3 * 10**9, [FRONT]), (3 * 10**9, [FRONT, _face(0, 0, 80, 57)])], 5.0
)
def test_every_face_has_a_number_of_its_own_and_none_comes_back_from_the_dead(
    film: list[tuple[int, list[Face]]], max_age: float
) -> None:
    tracker, at, seconds = Tracker(max_age), 10**16, 0.0
    seen: dict[int, float] = {}
    for step, found in film:
        at += step
        seconds += max(0, step) / 1e9
        numbers = [match.number for match in tracker.update(found, at)]
        assert len(numbers) == len(found)
        assert len(set(numbers)) == len(numbers), "two faces of a frame share a number"
        fresh = sorted(set(numbers) - set(seen))
        assert fresh == list(range(len(seen) + 1, len(seen) + 1 + len(fresh))), "numbers count up, none is skipped"
        for number in numbers:
            if number in seen:
                assert seconds - seen[number] <= max(max_age, LONGEST_ABSENCE)
            seen[number] = seconds
        alive = tracker.tracks
        assert {track.number for track in alive} >= set(numbers)
        assert len({track.number for track in alive}) == len(alive)
        assert all(0 <= track.age <= max(max_age, LONGEST_ABSENCE) for track in alive), "dead tracks are kept"


@given(films)
def test_the_same_film_gives_the_same_numbers_and_wherever_it_is_shown(film: list[tuple[int, list[Face]]]) -> None:
    def shown(start: int) -> list[tuple[int, ...]]:
        tracker, at, numbers = Tracker(), start, []
        for step, found in film:
            at += step
            numbers.append(tuple(match.number for match in tracker.update(found, at)))
        return numbers

    assert shown(10**16) == shown(10**16) == shown(3)


@given(st.integers(1, 6), st.integers(2, 12), st.randoms(use_true_random=False))
def test_faces_far_apart_that_stay_keep_their_numbers_in_whatever_order_they_are_told(
    count: int, frames: int, generator: object
) -> None:
    tracker = Tracker()
    still = [face(200 * index, 100 * (index % 2)) for index in range(count)]
    first = {one.box: match.number for one, match in zip(still, tracker.update(still, 0), strict=True)}
    for number in range(1, frames):
        generator.shuffle(still)  # type: ignore[attr-defined]
        matches = tracker.update(still, number * 40_000_000)
        assert {one.box: match.number for one, match in zip(still, matches, strict=True)} == first
        assert all(match.sure for match in matches)


costs = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.floats(-20, 13), max_size=14)


@given(costs)
def test_the_assignment_is_the_cheapest_of_all(table: dict[tuple[int, int], float]) -> None:
    alone = 14.0

    def cheapest(rows: list[int], taken: frozenset[int]) -> float:
        if not rows:
            return 0.0
        row, *rest = rows
        least = alone + cheapest(rest, taken)
        for (one, column), cost in table.items():
            if one == row and column not in taken:
                least = min(least, cost + cheapest(rest, taken | {column}))
        return least

    joined = assign(table, alone)
    rows = sorted({row for row, _ in table})
    assert len(set(joined.values())) == len(joined)
    cost = sum(table[pair] for pair in joined.items()) + alone * (len(rows) - len(joined))
    assert abs(cost - cheapest(rows, frozenset())) < 1e-6
