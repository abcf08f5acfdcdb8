"""The table of ways to smooth, out of docs/results/smoothing.json."""

from __future__ import annotations

from mien_export.pages import measured_with
from mien_export.pages.markdown import grid
from mien_export.records.smoothing import Late, Often, Row, Smoothing

_HEAD = (
    "filter",
    "another emotion is shown",
    "changes a minute, at rest, 15 frames/s",
    "30 frames/s",
    "swaying, 15 frames/s",
    "ms until a change is shown, median / p90",
    "never",
    "uncertain",
    "wrong",
)


def lines(found: Smoothing) -> list[str]:
    """Every family with its best parameters, what mien did before, and what it does."""
    rows = [_cells(row) for row in found["rows"]]
    rows.append(_cells(found["earlier"], "earlier: "))
    rows.append(tuple(f"**{cell}**" for cell in _cells(found["default"], "mien: ")))
    return [*grid(_HEAD, rows), "", "![changes a minute against delay](docs/results/smoothing.png)", "", *_words(found)]


def _words(found: Smoothing) -> list[str]:
    """What the figures come to, and what they rest on."""
    plain, ours = found["rows"][0]["rates"]["15"], found["default"]["rates"]["15"]
    faces, whole, limits, seconds = found["faces"], found["whole_path"], found["limits"], found["seconds"]
    low, high = found["noise"]
    detector = measured_with.detector(found["detector"], found.get("detector_sha256"))
    return [
        f"A face at rest changes {ours['still']['mean']:.2f} times a minute, and {plain['still']['mean']:.0f} times "
        f"without smoothing (at most {limits['changes_a_minute']:g} is wanted; "
        f"{100 * ours['still']['faces_above_1']:.0f} % of the faces change more often). {_in_time(ours['cut'])} "
        f"changes of expression from one frame to the next, and {_in_time(ours['faded'])} of those that take 200 ms, "
        f"are shown within {limits['milliseconds']:g} ms of their beginning "
        f"(at least {100 - 100 * limits['late']:.0f} % is wanted).",
        "",
        f"Faces of FER+'s strict validation images, {found['face_pixels']} pixels wide in photographs of rooms, with a "
        f"sensor's noise (standard deviation {low:g} to {high:g} luma steps), a pixel's jitter in each direction, a "
        f"flickering exposure (±3 %), and landmarks that tremble as the detector's do on such frames "
        f"({found['tremor_pixels']:.1f} pixels); {seconds['still']:g} s at rest and {seconds['swaying']:g} s swaying "
        "each. A change puts another face of another label in the same place; counted are those that the classifier "
        'reads without smoothing. Delays are of changes that take 200 ms, at 15 frames a second; "never" is not within '
        '3 s. "Uncertain" counts as something shown.',
        "",
        f"Each family's parameters were chosen on {faces['chosen_on']} faces out of {found['tried']} combinations, by "
        "changes and the share of late ones, each as a share of what is wanted at most, added: "
        f"{found['costs']['best']:.2f} at best, {found['costs']['default']:.2f} with mien's. The figures are of "
        f"{faces['reported']} other faces, "
        f"in brackets 95 % bootstrap intervals over them. As whole frames through {detector}, {whole['faces']} of "
        f"these change {whole['unsmoothed']:.0f} times a minute without smoothing (as crops "
        f"{whole['unsmoothed_crops']:.0f}) and {whole['shown']:.1f} times with it; in {whole['lost']} of "
        f"{whole['frames']} frames the face was not found. `{found['command']}`, {found['model']}, {found['date']}.",
    ]


def _cells(row: Row, before: str = "") -> tuple[str, ...]:
    slow, fast = row["rates"]["15"], row["rates"]["30"]
    late = slow["faded"]
    return (
        before + _named(row["filter"], row["filter_numbers"]),
        _named(row["rule"], row["rule_numbers"]),
        _often(slow["still"]),
        _often(fast["still"]),
        _often(slow["swaying"]),
        f"{_ms(late['median'])} / {_ms(late['p90'])}",
        f"{late['never']} of {late['changes']}",
        f"{100 * slow['uncertain']:.0f} %",
        f"{100 * slow['wrong']:.1f} %",
    )


def _named(family: str, numbers: dict[str, float]) -> str:
    units = {"seconds": " s"}
    return " ".join([family, ", ".join(f"{value:g}{units.get(name, '')}" for name, value in numbers.items())]).strip()


def _often(found: Often) -> str:
    low, high = found["interval"]
    return f"{found['mean']:.2f} ({low:.2f} to {high:.2f})"


def _ms(value: int | None) -> str:
    return "never" if value is None else str(value)


def _in_time(found: Late) -> str:
    return "none" if found["in_time"] is None else f"{round(found['in_time'] * found['changes'])} of {found['changes']}"
