"""How a detector's scores are read: chosen on its int8 model when that is built, or anew for one that was before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mien.errors import MienError
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_export import placing, sidecar, standing
from mien_export.proof import counterpart
from mien_export.proof.check import Check, CheckError
from mien_export.source import Source
from mien_train.face import score_calibration, threshold
from mien_train.face.task import IOU_THRESHOLD
from mien_train.training.progress import progress


def decided(documents: Sequence[dict[str, object]], paths: Sequence[Path], source: Source) -> list[dict[str, object]]:
    """A detector's sidecars with how its scores are read, all as its landscape one's.

    Args:
        documents: the landscape model's sidecar, then its counterpart's if it has one.
        paths: of their files, written after each choice: the next one is made with it in place.
        source: of the validation photographs.

    Returns:
        The sidecars.
    """
    artefact, changed = paths[0].with_suffix(".tflite"), list(documents)

    def placed(change: Callable[[Mapping[str, object]], dict[str, object]]) -> None:
        changed[:] = [change(document) for document in changed]
        for document, path in zip(changed, paths, strict=True):
            sidecar.write(document, path)

    fit = score_calibration.fit(source.judged(artefact))
    placed(lambda document: sidecar.calibrated(document, fit))
    choice = threshold.chosen(*source.face_free(artefact), threshold.ALLOWED_SHARE)
    placed(lambda document: sidecar.decided(document, choice))
    tiles = threshold.chosen(*source.tiled(artefact), threshold.TILES_SHARE)
    placed(lambda document: sidecar.decided_for_tiles(document, tiles))
    return changed


def anew(model: Bundle, source: Source, force: bool = False) -> tuple[tuple[Path, Check], ...]:
    """Decide how the scores of an exported detector are read, and evaluate it so; its networks stay as they are.

    Args:
        model: not a portrait counterpart, whose sidecar changes with the landscape model's.
        source: of the validation photographs.
        force: put the sidecars in place although `standing.RULE` speaks against it.

    Returns:
        Sidecars put in place, each with what was judged of it.

    Raises:
        MienError: not such a model, photographs that cannot decide, or the folder cannot be written.
        CheckError: it is not good enough as it is read now, or clearly worse than before.
    """
    if model.task != "face":
        raise MienError(f"{model.name}: is a model for {model.task!r}, not a detector; see `mien_train decide`")
    if model.name.endswith(counterpart.SUFFIX):
        raise MienError(f"{model.name}: is read as its landscape model is; give that")
    other = bundle.portrait(model)
    models = [model, other] if other is not None else [model]
    with placing.workshop() as folder:
        paths = [folder / each.path.name for each in models]
        for each in models:
            for artefact in ("tflite", "onnx"):
                shutil.copyfile(each.artefact(artefact), folder / each.artefact(artefact).name)
        decode = sidecar.undecided({"strides": list(model.decode.strides), "iou_threshold": IOU_THRESHOLD})
        documents: list[dict[str, object]] = [{**each.sidecar.document, "decode": decode} for each in models]
        for document, path in zip(documents, paths, strict=True):
            sidecar.write(document, path)
        documents = decided(documents, paths, source)
        _decisive(documents[0])
        for document, path in zip(documents, paths, strict=True):
            artefacts = progress([path.with_suffix(".tflite"), path.with_suffix(".onnx")], f"evaluate {path.stem}")
            metrics = [entry for artefact in artefacts for entry in source.evaluate(artefact)]
            sidecar.write(sidecar.evaluated(document, metrics), path)
        checks = [
            (each.path, check)
            for each, path in zip(models, paths, strict=True)
            for check in standing.judged(bundle.load(path).sidecar, each.path)
        ]
        if not force and (failed := next((check for _, check in checks if check.passed is False), None)):
            raise CheckError(f"{model.name} is read as before: not {failed.name}: {failed.detail}; or give --force")
        placing.put(paths, model.path.parent)
    return tuple(checks)


def _decisive(document: Mapping[str, object]) -> None:
    """Refuse what was decided on too few photographs.

    Raises:
        MienError: they were.
    """
    decode = document["decode"]
    assert isinstance(decode, Mapping)
    if score_calibration.RECORD not in decode:
        raise MienError(
            f"of its detections on the validation photographs fewer than {score_calibration.FEWEST} are right, or fewer"
            " are wrong; give --data with more photographs"
        )
    if not decode[threshold.RECORD]["chosen_on"]["n"]:
        raise MienError("no validation photograph is free of faces; add some, in sets named rooms or objects")
