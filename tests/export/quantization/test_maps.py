from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from mien.errors import MienError
from mien_export.proof import parity
from mien_export.quantization.fuse import fuse
from mien_export.quantization.maps import together
from mien_export.quantization.observers import ranges, real
from mien_export.quantization.trace import trace
from mien_train.networks import face, registry


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    torch.manual_seed(0)
    network = registry.build({"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0)}).eval()
    return trace(fuse(network), face.FACE_OUTPUTS, 64, 96)


def _run(model: onnx.ModelProto, picture: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"luma": real(picture[None])}), strict=True))


def test_heads_together_give_the_channels_that_they_give_apart(graph: onnx.ModelProto) -> None:
    pictures = parity.structured(2, 64, 96, 1)
    found, _ = together(graph, ranges(graph, pictures, "minmax"), face.FACE_MAPS)
    onnx.checker.check_model(found)
    apart, joint = _run(graph, pictures[0]), _run(found, pictures[0])
    assert list(joint) == list(face.FACE_MAPS)
    for name, parts in face.FACE_MAPS.items():
        np.testing.assert_allclose(joint[name], np.concatenate([apart[part] for part in parts], axis=1), atol=1e-5)
    assert len(found.graph.node) == len(graph.graph.node) - 6
    assert len(found.graph.initializer) == len(graph.graph.initializer) - 12


def test_one_range_covers_all_that_come_together(graph: onnx.ModelProto) -> None:
    measured = ranges(graph, parity.structured(2, 64, 96, 1), "minmax")
    _, found = together(graph, measured, face.FACE_MAPS)
    for name, parts in face.FACE_MAPS.items():
        bounds = [[float(bound) for bound in measured[part].range_value] for part in parts]
        low, high = (float(bound) for bound in found[name].range_value)
        assert (low, high) == (min(b[0] for b in bounds), max(b[1] for b in bounds))


def test_what_is_no_convolution_of_one_tensor_is_refused(graph: onnx.ModelProto) -> None:
    measured = ranges(graph, parity.structured(2, 64, 96, 1), "minmax")
    with pytest.raises(MienError, match="not the maps that belong together"):
        together(graph, measured, {"maps_8": face.FACE_MAPS["maps_8"]})
    crossed = {
        "one": ("score_8", "box_16", "landmarks_8"),
        "two": ("score_16", "box_8", "landmarks_16"),
        "three": face.FACE_MAPS["maps_32"],
    }
    with pytest.raises(MienError, match=r"score_8, box_16, landmarks_8: are not convolutions of one tensor"):
        together(graph, measured, crossed)
