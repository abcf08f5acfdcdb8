"""The weights of the bundled models, taken back into the networks that they were exported from."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from mien.bench.scene import scene
from mien.errors import MienError
from mien.models import bundle
from mien_train.emotion.task import to_input
from mien_train.networks import exported, registry
from mien_train.networks.face import FACE_OUTPUTS
from mien_train.training import loop

BUNDLED = Path(bundle.__file__).parent


def network_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    return registry.build(bundle.load(name).sidecar.training.network).eval()


def pictures(name: str, count: int = 4) -> torch.Tensor:
    """A photograph, and smaller and smaller parts of it: uint8 (count, 1, H, W)."""
    model, luma = bundle.load(name), scene().luma
    parts = [luma[24 * k : 480 - 24 * k, 32 * k : 640 - 32 * k] for k in range(count)]
    sized = [cv2.resize(part, (model.width, model.height), interpolation=cv2.INTER_AREA) for part in parts]
    return torch.from_numpy(np.stack(sized))[:, None]


def outputs(network: nn.Module, inputs: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        found = network(inputs)
    # In training mode a detector's features follow.
    return list(found)[: len(FACE_OUTPUTS)] if isinstance(found, tuple) else [found]


def quantized(name: str, luma: torch.Tensor) -> list[tuple[np.ndarray, float, float]]:
    """What the int8 model itself gives, picture by picture, as floats, and between which bounds it can."""
    session = onnxruntime.InferenceSession(str(BUNDLED / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    found = [session.run(None, {"luma": one[None].numpy()}) for one in luma]
    steps = [output.quantization for output in bundle.load(name).sidecar.outputs]
    return [
        # The numbers of TFLite's int8, 128 higher.
        tuple((values - 128.0 - step.zero_point) * step.scale for values in (np.concatenate(each), 0, 255))
        for each, step in zip(zip(*found, strict=True), steps, strict=True)
    ]


def test_a_network_without_its_run_computes_what_the_exported_model_computes() -> None:
    for name in ("face-base", "face-small", "emotion-base", "emotion-large", "emotion-nano"):
        network = network_of(name)
        taken, there = exported.put(network, exported.weights(BUNDLED / f"{name}.onnx"))
        assert taken == there > 10
        luma = pictures(name)
        mine = outputs(network, to_input(luma.float()))
        theirs = quantized(name, luma)
        if "emotion" in name:
            mine = list(mine[0].split([values.shape[1] for values, _, _ in theirs], dim=1))
        elif len(theirs) == 3:  # a stride's heads are one map
            mine = [torch.cat(mine[level::3], dim=1) for level in range(3)]
        for floats, (values, low, high) in zip(mine, theirs, strict=True):
            apart = np.abs(floats.numpy().clip(low, high) - values)
            assert apart.mean() < 0.1 * np.std(values) + (high - low) / 255, name


def test_settled_it_computes_the_same_and_stays_near_while_it_is_trained() -> None:
    network, inputs = network_of("face-base"), to_input(pictures("face-base", 8).float())
    exported.put(network, exported.weights(BUNDLED / "face-base.onnx"))
    before = outputs(network, inputs)
    unsettled = outputs(network.train(), inputs)
    network.eval()
    exported.put(network, exported.weights(BUNDLED / "face-base.onnx"))
    exported.settle(network, [inputs[:4], inputs[4:]])
    for mine, old in zip(outputs(network, inputs), before, strict=True):
        torch.testing.assert_close(mine, old, atol=1e-2, rtol=1e-3)
    trained = outputs(network.train(), inputs)

    def error(found: list[torch.Tensor]) -> float:
        return float(sum((a - b).abs().mean() for a, b in zip(found, before, strict=True)))

    assert error(trained) < 0.1 * error(unsettled)


def test_what_does_not_fit_is_left_and_a_stranger_refused() -> None:
    kept = dict(bundle.load("emotion-base").sidecar.training.network)
    mine = registry.build({**kept, "classes": 3})
    head = mine.head.weight.clone()  # type: ignore[union-attr,operator]
    taken, there = exported.put(mine, exported.weights(BUNDLED / "emotion-base.onnx"))
    assert taken == there - 1
    assert torch.equal(mine.head.weight, head)  # type: ignore[union-attr,arg-type]
    with pytest.raises(MienError, match="none of its weights fits this network"):
        loop.initialized(mine, str(BUNDLED / "face-base.onnx"), ())


def test_a_damaged_file_and_another_ones_model_are_told_in_one_line(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    whole = (BUNDLED / "face-base.onnx").read_bytes()
    (tmp_path / "torn.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.onnx").write_bytes(b"")
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    relu = helper.make_graph([helper.make_node("Relu", ["x"], ["x2"])], "g", [value], [value])
    onnx.save(helper.make_model(relu), str(tmp_path / "float.onnx"))
    for name, said in (
        ("none.onnx", "cannot be read"),
        ("torn.onnx", "not a readable ONNX file"),
        ("empty.onnx", "holds no int8 weights"),
        ("float.onnx", "holds no int8 weights"),
    ):
        with pytest.raises(MienError, match=said) as told:
            exported.weights(tmp_path / name)
        assert name in str(told.value)
        assert "\n" not in str(told.value)
