"""Whether a new bench and new counts keep what is promised, and are no worse than the committed ones; by ratio alone.

Milliseconds of two machines, or of two days, say little about a change; ratios within one run do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mien_export.peers.ratios import ENGINE
from mien_export.records.bench import Bench
from mien_export.records.counted import CountedWay, CountedWays

MOST_TAIL = 1.5
"""p99 over p50 of the whole path at one thread, on a quiet machine."""
MOST_INSTRUCTIONS = {"cortex-a53": 0.60, "cortex-a76": 0.48}
"""Core to instructions of the whole path over those of both peers."""
MOST_SLOWER = 1.15
"""A ratio of times over the committed one: two runs on one quiet machine differ by less."""
MOST_MORE = 1.02
"""Instructions over the committed ones: they are counted, not timed."""

PROMISED = ("whole_path_vs_opencv", "whole_path_vs_float_peers", "twenty_faces", "cold_start_ratio", "peak_rss_mb")
"""Ratios of the bench that must have been measured; those that were not fail."""

_DETECTOR, _CLASSIFIER = "YuNet_n, int8, LiteRT, 256×320", "mini_XCEPTION, float, LiteRT"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit.

    Attributes:
        what: is limited.
        value: found; None where it was not measured.
        limit: the most that is allowed.
        why: it was not measured.
    """

    what: str
    value: float | None
    limit: float
    why: str = ""

    @property
    def held(self) -> bool:
        """Whether it was measured and is within its limit."""
        return self.value is not None and self.value <= self.limit

    def __str__(self) -> str:
        found = "?" if self.value is None else f"{self.value:.3f}"
        why = f" ({self.why})" if self.why else ""
        return f"{'held' if self.held else 'BROKEN':<8}{found:>8} ≤ {self.limit:<6g}{self.what}{why}"


def times(new: Bench, committed: Bench) -> tuple[Verdict, ...]:
    """What the bench must hold: every promise of its own, its tail, and the committed ratios.

    Args:
        new: just measured.
        committed: of docs/results. Ratios depend on the processor: on another one they are not compared.
    """
    return (*_promises(new), *_tails(new), *_not_worse(new, committed))


def counts(new: CountedWays, committed: CountedWays) -> tuple[Verdict, ...]:
    """What the counts must hold: the whole path against its peers, and the committed counts.

    Args:
        new: just counted.
        committed: of docs/results.
    """
    return (*_against_peers(new), *_not_more(new, committed))


def text(verdicts: Sequence[Verdict]) -> str:
    """A line each, the broken ones last, and how many they are."""
    ordered = sorted(verdicts, key=lambda verdict: not verdict.held)
    broken = sum(not verdict.held for verdict in verdicts)
    return "\n".join([*map(str, ordered), f"{len(verdicts) - broken} held, {broken} broken"])


def _promises(new: Bench) -> Iterator[Verdict]:
    for name, ratio in new["ratios"].items():
        if ratio["value"] is not None or name in PROMISED:
            yield Verdict(f"{name}: {ratio['of']}", ratio["value"], ratio["target"], ratio.get("reason", ""))
    for name in PROMISED:
        if name not in new["ratios"]:
            yield Verdict(name, None, 0.0, "not in this bench; measure again with `make bench-all`")


def _tails(new: Bench) -> Iterator[Verdict]:
    chosen = [run for run in new["runs"] if (run["engine"], run["threads"]) == (ENGINE, 1)]
    for run in chosen:
        what = f"whole path, {ENGINE}, one thread, {run['faces']} faces: p99 over p50"
        if new["remarks"]:
            yield Verdict(what, None, MOST_TAIL, f"no quiet machine: {new['remarks'][0]}")
        else:
            yield Verdict(what, run["whole"]["p99"] / run["whole"]["p50"], MOST_TAIL)
    if not chosen:
        yield Verdict(f"whole path, {ENGINE}, one thread: p99 over p50", None, MOST_TAIL, "no such run")


def _not_worse(new: Bench, committed: Bench) -> Iterator[Verdict]:
    if new["hardware"]["cpu"] != committed["hardware"]["cpu"]:
        return
    for name, before in committed["ratios"].items():
        after = new["ratios"].get(name)
        if before["value"] is None:
            continue
        value = None if after is None or after["value"] is None else after["value"] / before["value"]
        yield Verdict(f"{name}: over the committed one", value, MOST_SLOWER, "" if value else "not measured again")


def _whole(rows: Sequence[CountedWay], row: CountedWay, core: str) -> float | None:
    """Instructions of the same way of a frame among others."""
    same = next((one for one in rows if one["way"] == row["way"]), None)
    return None if same is None or core not in same["stages"] else float(sum(same["stages"][core].values()))


def _against_peers(new: CountedWays) -> Iterator[Verdict]:
    networks = {row["name"]: row["instructions"] for row in new["networks"]}
    usual = [row for row in new["ways"] if (row["way"]["faces"], row["way"]["scan_every"]) == (1, 1)]
    base = next((r for r in usual if r["way"]["detector"] == "face-base" and not r["way"]["limited"]), None)
    for core, limit in MOST_INSTRUCTIONS.items():
        what = f"instructions of the whole path, one face, {core}: over {_DETECTOR} plus {_CLASSIFIER}"
        missing = [name for name in (_DETECTOR, _CLASSIFIER) if core not in networks.get(name, {})]
        if base is None or core not in base["stages"] or missing:
            yield Verdict(what, None, limit, f"{missing[0] if missing else 'the whole path'} was not counted")
        else:
            theirs = networks[_DETECTOR][core] + networks[_CLASSIFIER][core]
            yield Verdict(what, sum(base["stages"][core].values()) / theirs, limit)


def _not_more(new: CountedWays, committed: CountedWays) -> Iterator[Verdict]:
    after = {row["name"]: row["instructions"] for row in new["networks"]}
    for network in committed["networks"]:
        for core, before in network["instructions"].items():
            count = after.get(network["name"], {}).get(core)
            what = f"instructions of {network['name']}, {core}: over the committed ones"
            yield _more(what, None if count is None else float(count), before)
    for row in committed["ways"]:
        way = row["way"]
        for core, stages in row["stages"].items():
            what = f"instructions of a frame, {way['faces']} faces, {way['detector']}"
            what += f", a scan every {way['scan_every']}" if way["scan_every"] > 1 else ""
            what += ", limited range" if way["limited"] else ""
            yield _more(
                f"{what}, {core}: over the committed ones", _whole(new["ways"], row, core), sum(stages.values())
            )


def _more(what: str, after: float | None, before: float) -> Verdict:
    return Verdict(what, None if after is None else after / before, MOST_MORE, "" if after else "not counted again")
