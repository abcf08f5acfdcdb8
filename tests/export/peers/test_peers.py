"""Peers: found or skipped with a reason, converted by our own export, and judged by ratios."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.bench.document import ColdStart
from mien.bench.scene import placed, scene
from mien.cli import main as mien_main
from mien.errors import MienError
from mien_export.cli import main
from mien_export.pages import bench_picture, bench_table
from mien_export.peers import benchmark, catalogue, contest, yunet
from mien_export.peers.contest import Outcome
from mien_export.peers.ratios import ratios
from mien_export.proof.parity import parity, structured
from mien_export.quantization.observers import ranges, real
from mien_export.quantization.quantize import quantize
from mien_export.records.emotion import strict_test
from mien_export.tflite.writer import to_tflite

RESULTS = Path(__file__).parents[3] / "docs/results"


def like_yunet() -> onnx.ModelProto:
    """Two heads behind one padded convolution of stride 2, with dynamic sides, as YuNet's graph is."""
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.normal(0, 0.02, (4, 3, 3, 3)),
        "b": np.zeros(4),
        "w_cls": rng.normal(0, 0.5, (1, 4, 1, 1)),
        "w_box": rng.normal(0, 0.5, (4, 4, 1, 1)),
    }
    constants = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in weights.items()]
    constants.append(numpy_helper.from_array(np.array([1, -1, 1]), "flat_1"))
    constants.append(numpy_helper.from_array(np.array([1, -1, 4]), "flat_4"))
    nodes = [
        helper.make_node("Conv", ["input", "w", "b"], ["c"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "w_cls"], ["raw_cls"], kernel_shape=[1, 1]),
        helper.make_node("Transpose", ["raw_cls"], ["t_cls"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["t_cls", "flat_1"], ["f_cls"]),
        helper.make_node("Sigmoid", ["f_cls"], ["cls"]),
        helper.make_node("Conv", ["r", "w_box"], ["raw_box"], kernel_shape=[1, 1]),
        helper.make_node("Transpose", ["raw_box"], ["t_box"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["t_box", "flat_4"], ["box"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("cls", "box")],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def test_the_converted_peer_computes_what_the_original_does() -> None:
    original = like_yunet()
    network = yunet.network(original, 32, 64)
    luma = structured(4, 48, 96, seed=1)
    pictures = np.stack([yunet.framed(picture, 32, 64).transpose(2, 0, 1) for picture in luma])
    sessions = [
        onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
        for m in (original, network)
    ]
    values = real(pictures[:1], yunet.PIXELS)
    cls, box = sessions[0].run(None, {"input": values[:, :, 1:, 1:]})
    raw_cls, raw_box = sessions[1].run(None, {"luma": values})
    np.testing.assert_allclose(1 / (1 + np.exp(-raw_cls.reshape(cls.shape))), cls, rtol=1e-4)
    np.testing.assert_allclose(raw_box.transpose(0, 2, 3, 1).reshape(box.shape), box, rtol=1e-4, atol=1e-5)
    quantized = quantize(network, ranges(network, pictures, "minmax", yunet.PIXELS), yunet.PIXELS)
    assert parity(quantized, to_tflite(quantized), pictures).worst <= 1


def test_the_conversion_is_kept_in_the_cache_and_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="missing"):
        yunet.converted(tmp_path, 32, 64)
    onnx.save(like_yunet(), tmp_path / yunet.FILE)
    first = yunet.converted(tmp_path, 32, 64)
    stamp = first.stat().st_mtime_ns
    assert yunet.converted(tmp_path, 32, 64) == first
    assert first.stat().st_mtime_ns == stamp
    assert tmp_path not in first.parents
    other = like_yunet()
    other.graph.node[0].attribute[1].ints[:] = [0, 0, 0, 0]
    with pytest.raises(MienError, match="padded convolution"):
        yunet.network(other, 32, 64)


def test_missing_and_damaged_peers_are_named_with_the_reason(tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "rfb_320.onnx")
    found, absent = catalogue.opened(tmp_path, scene().luma, placed(1)[0].box, (64, 96))
    assert found == []
    assert len(absent) == 5 + len(catalogue.CLASSIFIERS)
    assert absent[catalogue.YUNET_FLOAT].endswith("missing")
    assert "cannot be run here" in absent[catalogue.RFB_FLOAT]


def test_mien_runs_alone_where_there_are_no_peers(models: tuple[Path, Path], tmp_path: Path) -> None:
    outcome = contest.run(models, ("litert", "onnx"), scene(), tmp_path, seconds=0.05)
    assert set(outcome.whole) == {(engine, faces) for engine in ("litert", "onnx") for faces in (1, 20)}
    assert {kind for *_, kind in outcome.networks} == {"int8", "float"}
    assert len(outcome.networks) == 8
    assert outcome.peers == {}
    assert sum("skipped" in row for row in outcome.rows) == 5 + len(catalogue.CLASSIFIERS)
    judged = ratios(outcome, [])
    assert judged["whole_path_vs_float_peers"]["met"] is None
    assert "was not measured" in judged["whole_path_vs_float_peers"]["reason"]
    assert judged["cold_start_ratio"]["reason"] == "the engine was not measured"


def outcome_of(whole: tuple[float, float]) -> Outcome:
    networks = {
        ("face-base", "litert", "int8"): 1.0,
        ("face-base", "litert", "float"): 2.0,
        ("emotion-base", "litert", "int8"): 0.1,
        ("emotion-base", "onnx", "int8"): 0.3,
        ("emotion-base", "onnx", "float"): 0.2,
    }
    theirs = {
        catalogue.YUNET_FLOAT: (3.0, 2.0),
        catalogue.MINI_FLOAT: (1.0, 0.5),
        catalogue.YUNET_INT8: (1.5, 1.0),
        catalogue.YUNET_OPENCV_SMALL: (5.4, 5.0),
        catalogue.MINI_INT8: (0.5, 0.5),
    }
    return Outcome("emotion-base", {("litert", 1): whole[0], ("litert", 20): whole[1]}, networks, theirs, ())


def test_promises_are_judged_as_ratios_of_medians() -> None:
    start: ColdStart = {"engine": "litert", "ratio": 2.6, "peak_rss_mb": 75.0}
    found = ratios(outcome_of((1.6, 4.45)), [start])
    values = {name: (entry["value"], entry["met"]) for name, entry in found.items()}
    assert values == {
        "whole_path_vs_float_peers": (pytest.approx(0.4), True),
        "whole_path_vs_int8_peers": (pytest.approx(0.8), False),
        "whole_path_vs_opencv": (pytest.approx(0.25), True),
        "int8_vs_float_litert_face-base": (0.5, True),
        "int8_vs_float_onnx_emotion-base": (pytest.approx(1.5), False),
        "twenty_faces": (pytest.approx(1.0), True),  # 1.6 + 19 × 1.5 × 0.1 = 4.45
        "cold_start_ratio": (2.6, False),
        "peak_rss_mb": (75.0, True),
    }
    failed = ratios(outcome_of((1.6, 4.4)), [{"engine": "litert", "error": "no model"}])
    assert failed["peak_rss_mb"]["reason"] == "no model"


@pytest.fixture
def document(models: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole result of tiny models, without peers or fresh processes."""
    monkeypatch.setattr("mien.models.bundle.MODELS", models[0].parent)
    monkeypatch.setattr("mien.bench.cold.measure", lambda *_: [])
    monkeypatch.setattr("mien.commands.bench.step", lambda name: None)
    measured = benchmark.measure(0.05, 0, tmp_path, ["make", "bench"], lambda name: None)
    path = tmp_path / "bench.json"
    benchmark.write(measured, path)
    return path


def test_a_result_fills_the_readmes_table_and_compares_with_itself(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(document.read_text())
    text = "\n".join(bench_table.lines(found))
    for part in ("**Prefer ", "skipped: ", "docs/arm64.md", "make bench"):
        assert part in text
    shown = benchmark.text(found)
    for part in ("twenty_faces", "YuNet_n, float, OpenCV: skipped", "mien face-base float litert", "p99"):
        assert part in shown
    readme = document.with_name("README.md")
    readme.write_text("<!-- table bench -->\nold\n<!-- end -->\n")
    assert main(["tables", "--readme", str(readme), "--results", str(document.parent)]) == 0
    assert "old" not in readme.read_text()
    capsys.readouterr()
    assert mien_main(["bench", "--compare", str(document), str(document)]) == 0
    assert "differ" not in capsys.readouterr().out


def test_the_picture_shows_each_classifier_at_its_own_accuracy(document: Path) -> None:
    found = json.loads(document.read_text())
    assert bench_picture.draw(found, document) is None
    figures = {"p50": 0.9}
    ours = {"engine": "litert", "precision": "int8", "network": figures, "path": figures}
    found["peers"] += [
        {"name": "Peer", "strict_accuracy": 84.46, "network": figures, "path": figures},
        {"name": "mien emotion-nano", **ours},
        {"name": "mien emotion-unknown", **ours},
    ]
    for name in ("emotion-base", "emotion-nano"):
        document.with_name(f"{name}.json").write_text((RESULTS / f"{name}.json").read_text())
    drawn = bench_picture.draw(found, document)
    assert drawn == document.with_suffix(".png")
    assert drawn.read_bytes().startswith(b"\x89PNG")
    shown = {name: percent for name, _, percent in bench_picture.points(found, document.parent)}
    assert list(shown) == ["mien emotion-base, int8, LiteRT", "Peer", "mien emotion-nano, int8, LiteRT"]
    assert shown["Peer"] == 84.46
    for name in ("emotion-base", "emotion-nano"):
        report = json.loads((RESULTS / f"{name}.json").read_text())
        assert shown[f"mien {name}, int8, LiteRT"] == 100 * strict_test(report)["accuracy"]
    accuracy = document.with_name("emotion-base.json")
    accuracy.write_text("{}")
    with pytest.raises(MienError, match=r"emotion-base\.json: lacks 'command'; see `make results`"):
        bench_picture.draw(found, document)
