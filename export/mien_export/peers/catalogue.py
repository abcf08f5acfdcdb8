"""Other people's models, each with its own preprocessing, to be timed beside mien's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ai_edge_litert.interpreter as litert
import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mien.errors import MienError
from mien.models import amx, bundle
from mien_export.peers import yunet
from mien_export.records.bench import Row
from mien_train.face import detectors

YUNET = 320, 320
"""Input (height, width) of YuNet_n as its authors publish it."""

RFB = 240, 320

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Peer:
    """A model of somebody else, opened with one thread.

    Attributes:
        name: of the model, with its precision and engine.
        task: "face" or "emotion".
        size: input (height, width) in pixels.
        file: of the model.
        network: runs the network alone, its input set and its outputs fetched.
        path: the same from 640×480 luma in memory, preprocessing included; a classifier begins with the box of
            the face. What follows the network (decoding, suppression) is not in it, except in OpenCV's own.
    """

    name: str
    task: str
    size: tuple[int, int]
    file: Path
    network: Step
    path: Step


@dataclass(frozen=True, slots=True)
class Classifier:
    """A classifier's file and preprocessing.

    Attributes:
        name: of the model.
        file: in the peers' folder.
        gain, offset: input = crop × gain + offset, in the units of the tensor.
        channels: 1, or 3 equal ones.
    """

    name: str
    file: str
    gain: float
    offset: float
    channels: int = 1


CLASSIFIERS = (
    Classifier("mini_XCEPTION, float, LiteRT", "mini_xception_119.tflite", 2 / 255, -1.0),
    Classifier("mini_XCEPTION, int8, LiteRT", "mini_xception_int8.tflite", 1.0, 0.0),
    Classifier("mini_XCEPTION of `fer`, float, LiteRT", "fer_package_mini_xception.tflite", 2 / 255, -1.0),
    Classifier("FER-at-Edge, float16, LiteRT", "fer_at_edge_f16.tflite", 1 / 255, 0.0),
    # (x / 255 − 0.5) / 0.5, then the tensor's scale and zero point.
    Classifier(
        "MobileFaceNet of opencv_zoo, int8, LiteRT",
        "opencv_zoo_mobilefacenet_int8.tflite",
        2 / 255 / 0.01865844801068306,
        -1 / 0.01865844801068306 - 14,
        3,
    ),
)

YUNET_SMALL = 240, 320
"""Input (height, width) at which kiosks run it in OpenCV: a 640×480 frame at half its size."""

YUNET_FLOAT, YUNET_OPENCV, YUNET_OPENCV_SMALL, YUNET_INT8, RFB_FLOAT = (
    "YuNet_n, float, ONNX Runtime",
    "YuNet_n, float, OpenCV",
    "YuNet_n 240×320, float, OpenCV",
    "YuNet_n, int8, LiteRT",
    "RFB-320, float, ONNX Runtime",
)
MINI_FLOAT, MINI_INT8 = CLASSIFIERS[0].name, CLASSIFIERS[1].name


def opened(
    where: Path, luma: NDArray[np.uint8], face: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[list[Peer], dict[str, str]]:
    """Open every peer that is there.

    Args:
        where: folder of the files.
        luma: uint8 (480, 640), the frame that all paths begin with.
        face: box that the classifiers cut out, in frame pixels.
        size: (height, width) of mien's own detector, at which YuNet_n runs in int8.

    Returns:
        The peers; and the names of those that cannot be used, with the reason.
    """
    makers: dict[str, Callable[[], Peer]] = {
        YUNET_FLOAT: lambda: _yunet_float(where, luma),
        YUNET_OPENCV: lambda: _yunet_opencv(where, luma, YUNET_OPENCV, YUNET),
        YUNET_OPENCV_SMALL: lambda: _yunet_opencv(where, luma, YUNET_OPENCV_SMALL, YUNET_SMALL),
        YUNET_INT8: lambda: _yunet_int8(where, luma, size),
        RFB_FLOAT: lambda: _rfb(where, luma),
    }
    for spec in CLASSIFIERS:
        makers[spec.name] = lambda spec=spec: _classifier(where, spec, luma, face)  # type: ignore[misc]
    found, absent = [], {}
    for name, make in makers.items():
        try:
            found.append(make())
        except MienError as error:
            absent[name] = str(error)
        except Exception as error:  # three engines, each with errors of its own
            absent[name] = f"cannot be run here: {(str(error).strip().splitlines() or [type(error).__name__])[0]}"
    return found, absent


def session(model: Path | bytes) -> Any:
    """An ONNX Runtime session on one thread, as mien's own engine opens it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    content = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def interpreter(content: bytes) -> tuple[Any, Step]:
    """A LiteRT interpreter on one thread; and a step that invokes it and fetches every output."""
    opened = litert.Interpreter(model_content=content, num_threads=1)
    with amx.refused():  # peers get the faster kernels too
        opened.allocate_tensors()
    outputs = [detail["index"] for detail in opened.get_output_details()]

    def invoke() -> list[Any]:
        opened.invoke()
        return [opened.get_tensor(index) for index in outputs]

    return opened, invoke


def _file(where: Path, name: str) -> Path:
    path = where / name
    if not path.is_file():
        raise MienError(f"{path}: missing")
    return path


def _yunet_float(where: Path, luma: NDArray[np.uint8]) -> Peer:
    path = _file(where, "yunet_n_320x320.onnx")
    opened, blob = session(path), np.zeros((1, 3, *YUNET), np.float32)

    def network() -> object:
        return opened.run(None, {"input": blob})

    def whole() -> object:
        small = _shrunk(luma, YUNET)
        blob[0, :, : small.shape[0], : small.shape[1]] = small  # three equal channels, 0..255
        return network()

    return Peer(YUNET_FLOAT, "face", YUNET, path, network, whole)


def _yunet_opencv(where: Path, luma: NDArray[np.uint8], name: str, size: tuple[int, int]) -> Peer:
    path = _file(where, "yunet_n_320x320.onnx" if size == YUNET else "yunet_n_dynamic.onnx")
    detector = detectors.YuNet(path, *size, score_threshold=0.6, iou_threshold=0.3)
    canvas = np.zeros((*size, 3), np.uint8)

    def network() -> object:
        return detector.network(canvas)

    def whole() -> object:
        small = _shrunk(luma, size)
        canvas[: small.shape[0], : small.shape[1]] = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
        return network()

    whole()
    return Peer(name, "face", size, path, network, whole)


def _yunet_int8(where: Path, luma: NDArray[np.uint8], size: tuple[int, int]) -> Peer:
    path = yunet.converted(where, *size)
    opened, invoke = interpreter(path.read_bytes())
    index = opened.get_input_details()[0]["index"]
    signed = np.full((1, size[0] + 1, size[1] + 1, 3), -128, np.int8)
    bits = signed.view(np.uint8)[0]

    def network() -> object:
        opened.set_tensor(index, signed)
        return invoke()

    def whole() -> object:
        small = np.bitwise_xor(_shrunk(luma, size), 0x80)
        bits[1 : 1 + small.shape[0], 1 : 1 + small.shape[1]] = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
        return network()

    return Peer(YUNET_INT8, "face", size, path, network, whole)


def _rfb(where: Path, luma: NDArray[np.uint8]) -> Peer:
    path = _file(where, detectors.RFB.FILE)
    detector, blob = detectors.RFB(path, *RFB, threads=1), np.zeros((1, 3, *RFB), np.float32)

    def network() -> object:
        return detector.network(blob)

    def whole() -> object:
        small = _shrunk(luma, RFB)
        blob[0, :, : small.shape[0], : small.shape[1]] = (small.astype(np.float32) - detector.MEAN) / detector.RANGE
        return network()

    return Peer(RFB_FLOAT, "face", RFB, path, network, whole)


def _classifier(
    where: Path, spec: Classifier, luma: NDArray[np.uint8], face: tuple[float, float, float, float]
) -> Peer:
    path = _file(where, spec.file)
    opened, invoke = interpreter(path.read_bytes())
    detail = opened.get_input_details()[0]
    _, height, width, _ = (int(n) for n in detail["shape"])
    filled = np.zeros((1, height, width, spec.channels), detail["dtype"])
    left, top, right, bottom = (round(v) for v in face)

    def network() -> object:
        opened.set_tensor(detail["index"], filled)
        return invoke()

    def whole() -> object:
        filled_by(np.asarray(cv2.resize(luma[top:bottom, left:right], (width, height)), np.uint8), spec, filled)
        return network()

    return Peer(spec.name, "emotion", (height, width), path, network, whole)


def filled_by(crop: NDArray[np.uint8], spec: Classifier, filled: NDArray[Any]) -> None:
    """Preprocess a face, uint8 (H, W), into a classifier's input tensor (1, H, W, channels), in place."""
    if filled.dtype == np.uint8:
        filled[0] = crop[..., None]
    else:
        values = crop[..., None].astype(np.float32) * spec.gain + spec.offset
        filled[0] = values if filled.dtype == np.float32 else np.clip(np.rint(values), -128, 127)


def _shrunk(luma: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The frame as large as it fits into (height, width), in the fastest way that OpenCV has."""
    scale = min(size[0] / luma.shape[0], size[1] / luma.shape[1])
    wanted = (round(luma.shape[1] * scale), round(luma.shape[0] * scale))
    return np.asarray(cv2.resize(luma, wanted, interpolation=cv2.INTER_LINEAR), np.uint8)


def record(peer: Peer) -> Row:
    """What a result says about a peer that was not timed yet."""
    return {
        "name": peer.name,
        "task": peer.task,
        "input": list(peer.size),
        "file": peer.file.name,
        "bytes": peer.file.stat().st_size,
        "sha256": bundle.sha256(peer.file),
    }
