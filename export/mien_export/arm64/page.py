"""docs/arm64.md, and what is printed: tables out of a result of counting."""

from __future__ import annotations

from collections.abc import Sequence

from mien_export.arm64 import projection
from mien_export.arm64.core import named
from mien_export.arm64.marks import REST
from mien_export.arm64.result import NetworkRow, Result, WayRow
from mien_export.pages.markdown import grid
from mien_export.peers.catalogue import MINI_FLOAT, MINI_INT8, YUNET_INT8

_STAGES = ("capture", "luma", "resize", "detect", "decode", "align", "classify", "track", REST)


def text(result: Result) -> str:
    """The whole page, of a result with ways of a frame."""
    lines = [
        "# Instructions on a Raspberry Pi's processors",
        "",
        "Written by `make bench-arm64`. A desktop's milliseconds say little about a Raspberry Pi: up to the Pi 4 its "
        "cores have no int8 dot product, and LiteRT chooses other kernels for every core. What can be found out "
        "without a Pi is how many instructions its processor executes: the runtime runs as on Raspberry Pi OS on an "
        "emulated core, and a plugin of the emulator counts. Counts are no times.",
        "",
        "## Networks alone",
        "",
        *_networks(result),
        "",
        "## The way of a frame",
        "",
        *_ways(result),
        "",
        *_stages(result),
        "",
        "## Projection to boards",
        "",
        *_projection(result),
        "",
        "## How it was counted",
        "",
        _origin(result),
    ]
    return "\n".join(lines) + "\n"


def report(result: Result) -> str:
    """The counts alone, to be printed."""
    ways = ["", *_ways(result)] if result.ways else []
    return "\n".join([*_networks(result), *ways, "", _origin(result)]) + "\n"


def _networks(result: Result) -> list[str]:
    head = (
        "thousands of instructions an inference",
        "million MACs",
        *(_core(core) for core in result.cores),
        *(f"MACs an instruction, {_core(core)}" for core in result.cores),
        *(f"over peer, {_core(core)}" for core in result.cores),
        "peer",
    )
    rows = []
    for row in result.networks:
        work, peer = sum(row.macs.values()), _peer(result, row)
        ratios = [_ratio(row, peer, core) for core in result.cores]
        rows.append(
            (
                row.name,
                f"{work / 1e6:.1f}",
                *(_thousands(row.instructions[core]) for core in result.cores),
                *(f"{work / row.instructions[core]:.2f}" for core in result.cores),
                *ratios,
                "" if peer is None else peer.name,
            )
        )
    missing = [f"- {name}: not counted, {reason}" for name, reason in result.skipped.items()]
    return [*grid(head, rows), *(["", *missing] if missing else [])]


def _peer(result: Result, row: NetworkRow) -> NetworkRow | None:
    """What one of ours is held against: YuNet_n of as many pixels, or mini_XCEPTION."""
    if row.peer or not row.task:
        return None
    if row.task == "emotion":
        return result.network(MINI_FLOAT)
    # YuNet's border stands in its input: one row and one column more.
    sizes = {row.shape[1:3], row.shape[2:0:-1]}
    for other in result.networks:
        if other.name.startswith(YUNET_INT8) and (other.shape[1] - 1, other.shape[2] - 1) in sizes:
            return other
    return None


def _ratio(row: NetworkRow, peer: NetworkRow | None, core: str) -> str:
    return "" if peer is None else f"{row.instructions[core] / peer.instructions[core]:.2f}"


def _ways(result: Result) -> list[str]:
    head = ("thousands of instructions a frame, 640×480", *(_core(core) for core in result.cores))
    rows = [(row.way.name, *(_thousands(row.whole(core)) for core in result.cores)) for row in result.ways]
    detectors = [row for row in result.networks if row.name.startswith(YUNET_INT8)]
    for mini in filter(None, map(result.network, (MINI_FLOAT, MINI_INT8))):
        if detectors:
            both = (_thousands(detectors[0].instructions[c] + mini.instructions[c]) for c in result.cores)
            rows.append((f"peers' networks alone: {detectors[0].name} and {mini.name}", *both))
    return grid(head, rows)


def _stages(result: Result) -> list[str]:
    rows = []
    for row in _shown(result.ways):
        for core in result.cores:
            stages = row.stages[core]
            cells = (_thousands(stages[stage]) if stage in stages else "–" for stage in _STAGES)
            rows.append((f"{row.way.name}, {_core(core)}", *cells))
    return grid(("thousands of instructions a frame, by stage", *_STAGES), rows)


def _projection(result: Result) -> list[str]:
    rows = []
    for row in (shown for shown in _shown(result.ways) if not shown.way.limited):
        for found in projection.boards(result, row):
            slow, fast = found.rate
            clock = f"{_core(found.core)}, {found.gigahertz:g} GHz"
            rows.append(
                (row.way.name, found.board, clock, f"{slow:g} to {fast:g}", f"{found.low:.0f} to {found.high:.0f}")
            )
    head = ("projection", "board", "core", "instructions a cycle (assumed)", "ms a frame")
    return [*grid(head, rows), "", projection.RESTS_ON]


def _shown(ways: Sequence[WayRow]) -> list[WayRow]:
    """Of the first pair of models; attention only with the detector that costs least."""
    first = ways[0].way
    mine = [row for row in ways if (row.way.detector, row.way.classifier) == (first.detector, first.classifier)]
    plain = [row for row in mine if row.way.scan_every == 1]
    attentive = [row for row in mine if row.way.scan_every > 1]
    core = next(iter(ways[0].stages))
    cheapest = {
        n: min((r for r in attentive if r.way.faces == n), key=lambda r: r.whole(core)) for n in _faces(attentive)
    }
    return [*plain, *cheapest.values()]


def _faces(ways: Sequence[WayRow]) -> list[int]:
    return sorted({row.way.faces for row in ways})


def _origin(result: Result) -> str:
    versions = result.versions
    apart = max(result.apart.values())
    cores = "; ".join(
        f"{_core(core)} ({', '.join(board.name for board in named(core).boards)}): "
        f"{'with' if named(core).dot_product else 'no'} int8 dot product"
        for core in result.cores
    )
    return (
        f"{cores}. LiteRT on one thread, one frame at a time: {result.frame}; the detector runs in full, then placed "
        f"faces take the place of what it found. Each row ran {result.inferences} times and then "
        f"{2 * result.inferences} times (with attention, whole rounds of ten frames), and what the second exceeds the "
        f"first by was divided, so that neither start nor warm-up is in it. Twice counted, the two counts lay at most "
        f"{apart:.2%} apart. That XNNPACK is in use is checked for every network. MACs: multiply-accumulates, "
        f"those by zeros that the file's layout adds included. “luma” "
        f"takes the picture out of the camera's buffer, in full range, as a Raspberry Pi's camera is asked to give it; "
        f"from a camera of limited range it is expanded there. “rest”: what is between the stages. "
        f"`{result.command}`, {result.date}, {result.emulator}, Python {versions['python']}, "
        f"LiteRT {versions['ai-edge-litert']}, numpy {versions['numpy']}, "
        f"OpenCV {versions['opencv-python-headless']}."
    )


def _core(name: str) -> str:
    return name.removeprefix("cortex-").upper()


def _thousands(instructions: int) -> str:
    return f"{instructions / 1e3:,.0f}"
