"""The page and the projection, out of counts that are written by hand; and the page that is committed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_export.arm64 import bench, page, projection, result
from mien_export.arm64.core import named
from mien_export.arm64.jobs import Way
from mien_export.arm64.result import NetworkRow, Result, WayRow
from mien_export.arm64.targets import ROOT
from mien_export.peers.catalogue import MINI_FLOAT, YUNET_INT8

CORES = ("cortex-a53", "cortex-a76")


def network(name: str, task: str, shape: tuple[int, ...], slow: int, fast: int, *, peer: bool = False) -> NetworkRow:
    counts = dict(zip(CORES, (slow, fast), strict=True))
    return NetworkRow(name, "f", "0", 1, task, peer, shape, {"dense": 6_000_000}, {"DELEGATE": 1}, counts)


def way(scan_every: int, look: str, slow: int) -> WayRow:
    stages = {"cortex-a53": {"detect": slow, "rest": 1_000}, "cortex-a76": {"detect": 1_000_000, "rest": 0}}
    return WayRow(Way("face-base", "emotion-base", 1, scan_every, look), stages)


@pytest.fixture
def counted() -> Result:
    versions = dict.fromkeys(("python", "ai-edge-litert", "numpy", "opencv-python-headless"), "1.0")
    networks = (
        network("emotion-base", "emotion", (1, 48, 48, 1), 6_000_000, 3_000_000),
        network("face-base-portrait", "face", (1, 320, 256, 1), 20_000_000, 10_000_000),
        network("unknown", "", (1, 9), 1_000, 1_000),
        network(MINI_FLOAT, "emotion", (1, 48, 48, 1), 4_000_000, 2_000_000, peer=True),
        network(f"{YUNET_INT8}, 128×160", "face", (1, 129, 161, 3), 1_000, 1_000, peer=True),
        network(f"{YUNET_INT8}, 256×320", "face", (1, 257, 321, 3), 40_000_000, 40_000_000, peer=True),
    )
    ways = (way(1, "", 50_000_000), way(10, "face-base", 45_000_000), way(10, "face-small", 20_000_000))
    apart = {"cortex-a53": 0.001, "cortex-a76": 0.0123}
    return Result("cmd", "2026-01-01", "qemu", versions, "noise", 5, CORES, apart, networks, ways, {"Peer": "missing"})


def cells(text: str, start: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_of_ours_is_held_against_its_own_kind_of_peer(counted: Result) -> None:
    text = page.text(counted)
    # MACs, instructions, MACs an instruction, over the peer
    assert cells(text, "emotion-base")[1:] == ["6.0", "6,000", "3,000", "1.00", "2.00", "1.50", "1.50", MINI_FLOAT]
    portrait = cells(text, "face-base-portrait")
    assert portrait[-3:] == ["0.50", "0.25", f"{YUNET_INT8}, 256×320"]
    assert cells(text, "unknown")[-1] == ""
    assert cells(text, MINI_FLOAT)[-1] == ""
    assert "Peer: not counted, missing" in text
    assert "1.23%" in text


def test_the_page_shows_attention_with_the_detector_that_costs_least(counted: Result) -> None:
    text = page.text(counted)
    assert "--scan-every 10, look face-small, A53" in text
    assert "--scan-every 10, look face-base, A53" not in text
    assert cells(text, "face-base and emotion-base, 1 face, --scan-every 10, look face-base")[1:] == ["45,001", "1,000"]


def test_counts_without_ways_are_printed_alone(counted: Result) -> None:
    text = page.report(dataclasses.replace(counted, ways=()))
    assert cells(text, "emotion-base")
    assert "a frame" not in text.partition("How it")[0].partition("LiteRT on one thread")[0]


def test_a_projection_is_instructions_over_assumed_rates_and_the_clock(counted: Result) -> None:
    zero, three = projection.project(30_000_000, named("cortex-a53"))
    # Two instructions a cycle at most: 0.5 to 1.5 are assumed; at 1 GHz 30 million take 20 to 60 ms.
    assert (zero.board, zero.rate) == ("Raspberry Pi Zero 2 W", (0.5, 1.5))
    assert (zero.low, zero.high) == (pytest.approx(20), pytest.approx(60))
    assert three.low == pytest.approx(20 / 1.4)
    (five,) = projection.project(30_000_000, named("cortex-a76"))
    assert (five.low, five.high) == (pytest.approx(30 / 3 / 2.4), pytest.approx(30 / 1 / 2.4))
    assert {p.board for p in projection.boards(counted, counted.ways[0])} == {zero.board, three.board, five.board}
    assert "assumption" in projection.RESTS_ON
    assert projection.RESTS_ON in page.text(counted)


def test_a_result_comes_back_from_its_file(counted: Result, tmp_path: Path) -> None:
    path = tmp_path / "bench-arm64.json"
    result.write(counted, path)
    assert result.read(path) == counted
    path.write_text("{}")
    with pytest.raises(MienError, match=r"bench-arm64\.json: no result of counting .* make bench-arm64"):
        result.read(path)


def test_the_committed_page_is_made_of_the_committed_counts() -> None:
    counted = result.read(ROOT / "docs/results/bench-arm64.json")
    assert (ROOT / "docs/arm64.md").read_text(encoding="utf-8") == page.text(counted)
    assert max(counted.apart.values()) <= 0.03


def test_every_bundled_detector_and_classifier_has_its_way() -> None:
    models = bundle.installed()
    ways = bench.ways(models)
    assert len(ways) == len(set(ways))
    assert {way.detector for way in ways} == {m.name for m in models if m.task == "face" and m.height <= m.width}
    assert {way.classifier for way in ways} == {m.name for m in models if m.task == "emotion"}
    usual = [way for way in ways if way.scan_every == 1][:4]
    assert [(way.faces, way.limited) for way in usual] == [(0, False), (1, False), (4, False), (1, True)]
    attentive = [way for way in ways if way.scan_every > 1]
    assert {way.faces for way in attentive} == {1, 4}
    assert all(way.look != way.detector for way in attentive)
