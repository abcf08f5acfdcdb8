from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.errors import MienError
from mien_train.networks import registry
from mien_train.recipes import choosing, named
from mien_train.study import cleaning
from mien_train.training import checkpoint, tasks

SETTINGS = ("widths=8,16", "blocks=1,1", "labels=fer2013")


def _untrained_run(folder: Path, data: Path) -> Path:
    recipe = choosing.chosen(named.EMOTION, "quick", SETTINGS)
    task = tasks.opened(recipe, data)
    torch.manual_seed(0)
    stored = checkpoint.Checkpoint(
        task="emotion",
        network=task.network,
        recipe=dataclasses.asdict(recipe),
        labels=task.labels,
        seed=0,
        data_sha256=task.data_sha256,
        epoch=1,
        state=registry.build(task.network).state_dict(),
        metrics={},
    )
    checkpoint.save(stored, folder / "checkpoint.pt")
    return folder


@pytest.fixture
def dark_and_bright(tmp_path: Path) -> Path:
    """24 dark training images, neutral but for row 4, which is labelled happiness, and 24 bright ones: happiness."""
    rng = np.random.default_rng(0)
    rows = ["emotion,pixels,Usage"]
    for row in range(64):
        bright = row % 2
        pixels = rng.normal(200 if bright else 40, 5, 48 * 48).astype(int)
        label = 3 if bright or row == 4 else 6
        usage = "Training" if row < 48 else "PublicTest" if row < 56 else "PrivateTest"
        rows.append(f"{label},{' '.join(map(str, pixels))},{usage}")
    folder = tmp_path / "dark-and-bright"
    folder.mkdir()
    (folder / "fer2013.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_clear_majority_needs_enough_images() -> None:
    # Cluster 0: nine of twelve are 1. Cluster 1: three images that agree, too few. Cluster 2: none.
    labels = np.array([1] * 9 + [0] * 3 + [2] * 3)
    cluster = np.array([0] * 12 + [1] * 3)
    winner, share = cleaning.majority(labels, cluster, 3, 3)
    assert winner[0] == 1
    assert share.tolist() == [0.75, 0.0, 0.0]


def test_clusters_follow_the_features_and_repeat_with_the_seed() -> None:
    rng = np.random.default_rng(0)
    seen = np.concatenate([rng.normal(0, 0.1, (30, 4)), rng.normal(5, 0.1, (30, 4))]).astype(np.float32)
    cluster = cleaning.clustered(seen, 2, 0)
    assert len(set(cluster[:30])) == len(set(cluster[30:])) == 1
    assert cluster[0] != cluster[30]
    assert np.array_equal(cluster, cleaning.clustered(seen, 2, 0))


def test_the_one_wrong_label_is_suspect_and_can_be_excluded(dark_and_bright: Path, tmp_path: Path) -> None:
    found = cleaning.suspects(_untrained_run(tmp_path, dark_and_bright), dark_and_bright, 2, tmp_path / "out")
    assert (found.images, found.suspects, found.by_label["happiness"]) == (48, 1, 1)
    assert (found.clusters, found.clear) == (2, 2)
    with (tmp_path / "out" / "suspects.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    # 23 of the 24 dark images are labelled neutral.
    assert row == {"row": "4", "label": "happiness", "cluster_label": "neutral", "share": "0.9583"}
    assert (tmp_path / "out" / "suspects.png").is_file()


def test_runs_and_numbers_that_do_not_fit_are_refused(dark_and_bright: Path, small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(MienError, match="no such checkpoint"):
        cleaning.suspects(tmp_path, dark_and_bright, 2, tmp_path / "out")
    run = _untrained_run(tmp_path, dark_and_bright)
    with pytest.raises(MienError, match="was trained on other data"):
        cleaning.suspects(run, small_data, 2, tmp_path / "out")
    with pytest.raises(MienError, match="49 clusters of 48 images; give 2 to 48"):
        cleaning.suspects(run, dark_and_bright, 49, tmp_path / "out")
