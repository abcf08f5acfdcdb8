"""Sidecars: one that is taken promises only what the runtime can rely on; all others are refused in one line."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import damaged, json_values, refused, taken

from mien.errors import MienError
from mien.models import bundle, contract

WHOLE = {name: json.loads((bundle.MODELS / f"{name}.json").read_text()) for name in ("emotion-base", "face-base")}
"""The bundled ones, without what only pages and proofs look at."""
for _document in WHOLE.values():
    for _key in ("metrics", "parity", "calibration", "golden"):
        if _key in _document:
            _document[_key] = {}

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def _check(sidecar: contract.Sidecar) -> None:
    assert 1 <= sidecar.height <= 8192
    assert 1 <= sidecar.width <= 8192
    assert 1e-9 <= sidecar.input_scale <= 1e9
    assert len(set(sidecar.labels)) == len(sidecar.labels) > 0
    for output in sidecar.outputs:
        assert output.shape[0] == 1
        assert math.isfinite(output.quantization.scale)
        assert output.quantization.scale > 0
        assert -128 <= output.quantization.zero_point <= 127
    for artefact in sidecar.files.values():
        assert Path(artefact.file).name == artefact.file, "it points out of the model's folder"
        assert len(artefact.sha256) == 64
    if sidecar.task == "emotion":
        assert sidecar.decode is None
        assert sidecar.alignment is not None
        assert {len(output.shape) for output in sidecar.outputs} == {2}
        assert all(math.isfinite(x) for point in sidecar.alignment.template for x in point)
    else:
        assert sidecar.decode is not None
        levels = len(sidecar.decode.strides)
        for level in range(levels):
            assert [output.shape[3] for output in sidecar.outputs[level::levels]] in ([15], [1, 4, 10])
        assert 0 < sidecar.decode.score_threshold < 1


@pytest.mark.parametrize("name", list(WHOLE))
def test_the_bundled_ones_are_taken(name: str) -> None:
    _check(contract.parse(WHOLE[name], name))


@pytest.mark.parametrize("name", list(WHOLE))
@given(st.data())
def test_a_damaged_one_is_sound_or_refused_in_one_line(name: str, data: st.DataObject) -> None:
    document = data.draw(damaged(WHOLE[name]))
    sidecar = taken(lambda: contract.parse(document, f"{name}.json"))
    if sidecar is None:
        return
    _check(sidecar)


@given(json_values)
def test_any_document_is_refused_in_one_line(document: Any) -> None:
    refused(lambda: contract.parse(document, "x.json"))


@in_one_folder
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_a_file_of_any_bytes_is_refused_in_one_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(raw)
    refused(lambda: bundle.load(path))


@in_one_folder
@given(st.binary(min_size=1, max_size=400), st.integers(0, 399), st.integers(0, 7), st.integers(0, 399))
def test_a_model_file_is_given_only_byte_for_byte_as_it_was_hashed(
    tmp_path: Path, content: bytes, at: int, bit: int, length: int
) -> None:
    document = json.loads(json.dumps(WHOLE["emotion-base"]))
    digest = hashlib.sha256(content).hexdigest()
    document["files"] = {"tflite": {"file": "m.tflite", "bytes": len(content), "sha256": digest}}
    (tmp_path / "m.json").write_text(json.dumps(document))
    file = tmp_path / "m.tflite"
    file.write_bytes(content)
    model = bundle.load(tmp_path / "m.json")
    assert model.content("tflite") == content
    flipped = bytearray(content)
    flipped[at % len(content)] ^= 1 << bit
    for other in (bytes(flipped), content[: length % len(content)], content + b"\0"):
        file.write_bytes(other)
        with pytest.raises(MienError, match="SHA-256"):
            model.content("tflite")
