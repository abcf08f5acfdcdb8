"""`clean`: training images whose label the images that look like them contradict."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from mien.errors import MienError
from mien_train.data import emotion_data, files
from mien_train.data.emotion_data import EmotionData
from mien_train.emotion.features import features
from mien_train.recipes import choosing
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.study import face_sheet
from mien_train.study.face_sheet import Thumbnail
from mien_train.training import checkpoint

MAJORITY = 0.7
"""Share of a cluster that one label must hold: then the cluster's other images are suspect."""
LEAST = 10
"""Images without which a cluster says nothing."""

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Suspects:
    """What was found in a training split.

    Attributes:
        images, suspects: their numbers.
        clusters, clear: clusters asked for, and those with a clear majority.
        by_label: suspects of each label.
    """

    images: int
    suspects: int
    clusters: int
    clear: int
    by_label: Mapping[str, int]


def suspects(run: Path, data: Path, clusters: int, out: Path) -> Suspects:
    """List the training images whose label differs from that of a clear majority of their cluster.

    The penultimate features of the trained network on its own training images, scaled to unit variance, are clustered
    by k-means (seeded with the run's seed). A label is the class of the largest share.

    Writes `suspects.csv` with columns `row,label,cluster_label,share`, most suspect first, and `suspects.png`.
    `row` counts the CSV's rows (or the list of files) from 0; `share` is what the majority holds of the cluster.

    Args:
        run: run folder of an emotion network.
        data: data folder it was trained on.
        clusters: of k-means.
        out: folder for the results; made if it is not there.

    Raises:
        MienError: no emotion checkpoint, other data than it was trained on, fewer images than clusters, or `out` cannot
            be written.
    """
    stored = checkpoint.finished(run / "checkpoint.pt")
    if stored.task != "emotion":
        raise MienError(f"{run}: holds a {stored.task} run; give the run folder of an emotion network")
    recipe = choosing.recipe_of("emotion", stored.recipe)
    assert isinstance(recipe, EmotionRecipe)
    opened = emotion_data.open_data(recipe, data)
    if opened.sha256 != stored.data_sha256:
        raise MienError(f"{run}: was trained on other data than {data} holds; give the folder it was trained on")
    opened = _labelled(opened)
    if not 2 <= clusters <= len(opened.images):
        raise MienError(f"{clusters} clusters of {len(opened.images)} images; give 2 to {len(opened.images)}")
    labels = opened.targets.argmax(axis=1)
    seen = features(stored.build(), opened.images).numpy()
    cluster = clustered(seen, clusters, stored.seed)
    winner, share = majority(labels, cluster, clusters, len(opened.names))
    suspect = np.flatnonzero((share[cluster] >= MAJORITY) & (labels != winner[cluster]))
    suspect = suspect[np.argsort(-share[cluster[suspect]], kind="stable")]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("row", "label", "cluster_label", "share"))
    for i in suspect.tolist():
        c = cluster[i]
        writer.writerow((opened.rows[i], opened.names[labels[i]], opened.names[winner[c]], f"{share[c]:.4f}"))
    files.write_text(out / "suspects.csv", table.getvalue())
    _draw(out / "suspects.png", opened, labels, suspect, winner[cluster], share[cluster])
    counts = np.bincount(labels[suspect], minlength=len(opened.names)).tolist()
    return Suspects(
        images=len(labels),
        suspects=len(suspect),
        clusters=clusters,
        clear=int((share >= MAJORITY).sum()),
        by_label=dict(zip(opened.names, counts, strict=True)),
    )


def _labelled(opened: EmotionData) -> EmotionData:
    """Without the images of which only what they were searched for is known: theirs are no labels of this head."""
    known = opened.targets.any(axis=1)
    return dataclasses.replace(
        opened, images=opened.images[known], targets=opened.targets[known], rows=opened.rows[known], searched=None
    )


def clustered(seen: NDArray[np.float32], clusters: int, seed: int) -> NDArray[np.int64]:
    """K-means of features float32 (n, F), each scaled to unit variance → cluster of each row, int64 (n,)."""
    scaled = seen / np.maximum(seen.std(axis=0), 1e-6)
    means = MiniBatchKMeans(clusters, random_state=seed, n_init=3, batch_size=4096)
    return np.asarray(means.fit_predict(scaled), np.int64)


def majority(
    labels: NDArray[np.int64], cluster: NDArray[np.int64], clusters: int, classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The most frequent label of each cluster.

    Args:
        labels: int64 (n,), from 0 to `classes` − 1.
        cluster: int64 (n,), from 0 to `clusters` − 1.
        clusters, classes: their numbers.

    Returns:
        int64 (clusters,), the label; and float64 (clusters,), the share of the cluster's images that have it: 0 for a
        cluster of fewer than `LEAST` images.
    """
    counts = np.bincount(cluster * classes + labels, minlength=clusters * classes).reshape(clusters, classes)
    sizes = counts.sum(axis=1)
    share = np.where(sizes >= LEAST, counts.max(axis=1) / np.maximum(sizes, 1), 0.0)
    return counts.argmax(axis=1), share


def _draw(
    path: Path,
    opened: emotion_data.EmotionData,
    labels: NDArray[np.int64],
    suspect: NDArray[np.int64],
    winner: NDArray[np.int64],
    share: NDArray[np.float64],
) -> None:
    rows = []
    for label, name in enumerate(opened.names):
        mine = suspect[labels[suspect] == label]
        thumbnails = [Thumbnail(opened.images[i], f"{opened.names[winner[i]]}\n{share[i]:.2f}") for i in mine[:_SHOWN]]
        rows.append((f"labelled {name}\n{len(mine):,} suspect", thumbnails))
    face_sheet.draw(path, "The most suspect of each label; below, what their cluster's majority says", rows)
