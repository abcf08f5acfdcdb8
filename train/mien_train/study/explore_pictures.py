"""The pictures of `explore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien_train.data.collection import SPLITS, Collection
from mien_train.data.duplicates import Pairs
from mien_train.study import face_sheet, figures
from mien_train.study.disputed import Contested, Disagreement
from mien_train.study.exploration import Classes, Exploration
from mien_train.study.face_sheet import Thumbnail

_COLUMNS = 12
_PAIRS = 10
_TITLES = {"fer2013": "FER2013 labels", "strict": "FER+ strict majority", "folders": "class folders"}


def draw(
    out: Path,
    source: Collection,
    light: Mapping[str, NDArray[np.float64]],
    pairs: Pairs,
    found: Exploration,
) -> None:
    """Write every picture into a folder.

    Args:
        out: folder.
        source: the images.
        light: "brightness" and "sharpness" of each image, float64 (N,).
        pairs: near copies.
        found: the figures.

    Raises:
        MienError: a file cannot be written.
    """
    _classes(out / "classes.png", found.classes)
    _mean_faces(out / "mean-faces.png", source)
    _samples(out / "samples.png", source)
    _light(out / "light.png", light, source.usage)
    _near_copies(out / "near-copies.png", source, pairs)
    if found.disagreement is not None:
        _disagreement(out / "disagreement.png", found.disagreement)
        _contested(out / "contested.png", source, found.contested)


def _classes(path: Path, classes: Classes) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6 * len(classes)), layout="constrained")
    rows = figure.subplots(len(classes), 1, squeeze=False)[:, 0]
    for axes, (protocol, splits) in zip(rows, classes.items(), strict=True):
        for index, (split, counts) in enumerate(splits.items()):
            total = sum(counts.values())
            places = np.arange(len(counts)) + (index - 1) * 0.27
            shares = [100 * n / max(1, total) for n in counts.values()]
            bars = axes.bar(places, shares, 0.25, label=f"{split} ({total:,} images)")
            axes.bar_label(bars, [f"{n:,}" for n in counts.values()], rotation=90, padding=3, fontsize=7)
        axes.set_xticks(range(len(next(iter(splits.values())))), list(next(iter(splits.values()))))
        axes.set(ylabel="share of the split, %", title=_TITLES[protocol])
        axes.margins(y=0.2)
        axes.grid(axis="y", alpha=0.3)
        axes.legend()
    figure.suptitle("Classes of each split; the numbers are images")
    figures.save(figure, path)


def _mean_faces(path: Path, source: Collection) -> None:
    rows = []
    for protocol, splits in source.protocols.items():
        train = splits["train"]
        thumbnails = []
        for label, name in enumerate(train.names):
            members = train.images[train.labels == label]
            if len(members):
                mean = members.mean(axis=0)
                # A mean of thousands is grey all over: stretched, its features show.
                mean = (mean - mean.min()) * (255 / max(1.0, mean.max() - mean.min()))
                thumbnails.append(Thumbnail(mean.round().astype(np.uint8), f"{name}\n{len(members):,}"))
        rows.append((_TITLES[protocol].replace(" ", "\n", 1), thumbnails))
    face_sheet.draw(path, "Mean face of each class, training split; contrast stretched", rows)


def _samples(path: Path, source: Collection) -> None:
    train, rng = source.protocols[source.best]["train"], np.random.default_rng(0)
    rows = []
    for label, name in enumerate(train.names):
        members = np.flatnonzero(train.labels == label)
        chosen = np.sort(rng.choice(members, min(_COLUMNS, len(members)), replace=False))
        rows.append((f"{name}\n{len(members):,}", [Thumbnail(train.images[i], f"row {train.rows[i]}") for i in chosen]))
    face_sheet.draw(path, f"Drawn at random from the training split ({_TITLES[source.best]})", rows)


def _light(path: Path, light: Mapping[str, NDArray[np.float64]], usage: NDArray[np.uint8]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    sharp = light["sharpness"]
    # A logarithmic axis has no place for the blank images' 0.
    edges = np.geomspace(max(1.0, np.percentile(sharp, 0.1)), max(2.0, sharp.max()), 61)
    for index, split in enumerate(SPLITS):
        here = usage == index
        if not here.any():
            continue
        label = f"{split} ({int(here.sum()):,})"
        weights = np.full(int(here.sum()), 100 / int(here.sum()))
        left.hist(light["brightness"][here], np.linspace(0, 255, 52), weights=weights, histtype="step", label=label)
        right.hist(sharp[here], edges, weights=weights, histtype="step", label=label)
    left.set(xlabel="mean luma of an image, 0 to 255", ylabel="share of the split in a bin, %", title="Brightness")
    right.set(
        xscale="log",
        xlabel="variance of the Laplacian, squared luma steps",
        ylabel="share of the split in a bin, %",
        title="Sharpness",
    )
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figures.save(figure, path)


def _near_copies(path: Path, source: Collection, pairs: Pairs) -> None:
    protocol = source.best
    labels, names = source.labels(protocol), source.names(protocol)
    across = pairs.only(source.usage[pairs.first] != source.usage[pairs.second])

    def caption(row: int) -> str:
        label = names[labels[row]] if labels[row] >= 0 else "no label"
        return f"{SPLITS[source.usage[row]]} {row}\n{label}"

    def row_of(name: str, chosen: Pairs) -> list[tuple[str, list[Thumbnail]]]:
        most = np.linspace(0, len(chosen.first) - 1, min(_PAIRS, len(chosen.first))).round().astype(int)
        upper = [Thumbnail(source.images[i], caption(i)) for i in chosen.first[most]]
        lower = [
            Thumbnail(source.images[i], f"{caption(i)}\n{r:.3f}")
            for i, r in zip(chosen.second[most], chosen.correlation[most], strict=True)
        ]
        return [(f"{name}\n{len(chosen.first):,} pairs", upper), ("its near copy,\ncorrelation", lower)]

    order = np.argsort(across.correlation)
    near = across.only(order[~across.exact[order]])
    contradicting = near.only(_differ(near, labels))
    rows = [
        *row_of("same bytes", across.only(across.exact)),
        *row_of("same bytes,\nother label", across.only(across.exact & _differ(across, labels))),
        *row_of("near, the least\nalike tenth", near.only(np.arange(len(near.first)) * 10 < len(near.first))),
        *row_of("near,\nother label", contradicting),
    ]
    face_sheet.draw(path, f"Near copies across splits, labels: {_TITLES[protocol]}", rows)


def _differ(pairs: Pairs, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether both images of a pair have a label, and not the same."""
    one, other = labels[pairs.first], labels[pairs.second]
    return np.asarray((one >= 0) & (other >= 0) & (one != other))


def _disagreement(path: Path, found: Disagreement) -> None:
    from matplotlib.figure import Figure

    table = np.array(found.table)
    unlabelled = np.array([found.unlabelled[name] for name in found.rows])
    counts = np.concatenate([table, unlabelled[:, None]], axis=1)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(counts.shape[1]), [*found.columns, "no majority"])
    axes.set_yticks(range(len(counts)), found.rows)
    for (i, j), n in np.ndenumerate(counts):
        ink = "white" if shares[i, j] > 60 else "black"
        axes.text(j, i, f"{n:,}\n{shares[i, j]:.1f} %", ha="center", va="center", fontsize=8, color=ink)
    axes.set(xlabel="FER+, strict majority of ten annotators", ylabel="FER2013")
    axes.set_title(f"{100 * found.share:.1f} % of the {found.n:,} images with both labels are labelled differently")
    figure.colorbar(drawn, label="share of the FER2013 class, %")
    figures.save(figure, path)


def _contested(path: Path, source: Collection, found: Sequence[Contested]) -> None:
    thumbnails = []
    for face in found:
        votes = [f"{name} {n}" for name, n in face.votes.items()]
        thumbnails.append(Thumbnail(source.images[face.row], "\n".join([f"row {face.row}", *votes[:4]])))
    rows = [("", thumbnails[start : start + 10]) for start in range(0, len(thumbnails), 10)]
    face_sheet.draw(path, "The most contested faces: highest entropy of ten votes (the four largest are shown)", rows)
