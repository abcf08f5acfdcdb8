"""A card's table of how well a classifier knows when it is wrong, out of docs/results/quality-NAME.json."""

from __future__ import annotations

from pathlib import Path

from mien.errors import MienError
from mien.models.bundle import Bundle
from mien_export.pages import measured_with
from mien_export.pages.markdown import grid
from mien_export.records.quality import JudgedQuality
from mien_export.records.reading import read


def of(model: Bundle, results: Path) -> JudgedQuality | None:
    """What was measured of a model's run; None where nothing was.

    Raises:
        MienError: the result is of another run, whose settings the model does not have.
    """
    path = results / f"quality-{model.name}.json"
    if not path.is_file():
        return None
    found = read(path, JudgedQuality)
    if found["settings"] != model.sidecar.document.get("quality"):
        raise MienError(f"{path}: is of another {model.name}; measure it with `python -m mien_train quality RUN`")
    return found


def lines(found: JudgedQuality) -> list[str]:
    """Area under the risk-coverage curve, and calibration error, by the best probability alone and with quality."""
    groups = found["groups"]
    detector = measured_with.detector(found["detector"], found.get("detector_sha256"))
    rows = []
    for name, group in (("clean", groups["clean"]), ("spoiled", groups["spoiled"]), ("all", groups["all"])):
        area, error = group["risk_area"], group["calibration_error"]
        rows.append(
            (
                name,
                str(group["faces"]),
                f"{100 * group['accuracy']:.1f} %",
                f"{area['softmax']:.4f}",
                f"{area['quality']:.4f}",
                f"{group['difference']['error']:.4f}",
                f"{error['softmax']:.3f}",
                f"{error['quality']:.3f}",
            )
        )
    head = ("validation faces in scenes", "faces", "accuracy", "risk-coverage, softmax alone", "with quality",
            "standard error of the difference", "calibration error, softmax alone", "with quality")  # fmt: skip
    return [
        "Area under the risk-coverage curve, the mean share of errors among the surest faces over every coverage (less "
        "is better), by the best probability alone and with what the crop lacks; two halves of the faces, each judged "
        "with weights that were fitted on the other:",
        "",
        *grid(head, rows),
        "",
        f"Of {found['images']} validation images, contested ones too, those that {detector} found in their "
        f"scenes; spoiled: blurred, noisy, compressed, covered, turned, dark or small. `{found['command']}`.",
    ]


def taught(found: JudgedQuality) -> str:
    """Who taught the run; empty where that is not known."""
    if "run" not in found:
        return ""
    teachers = [
        f"a network of recipe `{one['recipe']}`, seed {one['seed']} ({100 * one['accuracy']:.2f} % of the strict "
        "validation images in float)"
        for one in found["run"]["teachers"].values()
    ]
    if not teachers:
        return "Taught by labels alone."
    return f"Taught by labels and by the answers of {', '.join(teachers)}, which saw the same training images."
