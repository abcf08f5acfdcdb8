"""`compare`, `sweep`, `explore`, `smoothing`, `clean`, `fer-folders`: many trainings, and the data themselves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import MienError
from mien_train.commands.options import Commands, add_data, folder, positive, seed, writable
from mien_train.data import store
from mien_train.recipes import named

if TYPE_CHECKING:
    from mien_train.study.compare_rows import Epochs, Row


def add(commands: Commands) -> None:
    """Add the commands."""
    compare = commands.add_parser(
        "compare", help="train and measure the classic systems beside ours; resumes, and skips what is done"
    )
    compare.add_argument(
        "--recipes", default="", metavar="A,B", help="only these; the others' rows stay (default: all)"
    )
    compare.add_argument("--runs", type=Path, default=Path("runs/compare"), metavar="DIR", help="of the run folders")
    compare.add_argument(
        "--out", type=Path, metavar="DIR", help="of compare.json and the pictures (default: docs/results)"
    )
    compare.add_argument("--page", type=Path, metavar="FILE", help="Markdown page (default: docs/compare.md)")
    compare.add_argument("--seed", type=seed, default=0, help="of every training (default: 0)")
    compare.add_argument("--jobs", type=positive, default=1, help="trainings at a time (default: 1)")
    compare.add_argument(
        "--quick", action="store_true", help="one epoch on few images each, a look of minutes, into out/compare"
    )
    compare.add_argument(
        "--redraw", action="store_true", help="only write page and pictures again, from compare.json as it is"
    )
    add_data(compare)
    compare.set_defaults(run=_compare)

    sweep = commands.add_parser("sweep", help="search a recipe's settings with Optuna; resumes what is begun")
    sweep.add_argument("recipe", help=f"emotion recipe, one of {', '.join(named.EMOTION)}")
    sweep.add_argument("--space", type=Path, required=True, metavar="FILE", help="TOML file of fields and their ranges")
    sweep.add_argument("--trials", type=positive, help="wanted in all (default: 20, or all of a grid)")
    sweep.add_argument("--storage", metavar="URL", help="any Optuna storage, for several machines (default: SQLite)")
    sweep.add_argument("--seed", type=seed, default=0, help="of the search and of every training (default: 0)")
    sweep.add_argument("--out", type=Path, metavar="DIR", help="of trials and results (default: runs/sweep-RECIPE)")
    sweep.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a field for every trial; repeatable"
    )
    add_data(sweep)
    sweep.set_defaults(run=_sweep)

    explore = commands.add_parser("explore", help="pictures and figures of the data, or of a clip's readings over time")
    explore.add_argument("--out", type=Path, default=Path("out/explore"), metavar="DIR", help="default: out/explore")
    explore.add_argument(
        "--model",
        default="emotion-base",
        help="bundled model or sidecar path, whose accuracy is compared (default: emotion-base)",
    )
    explore.add_argument("--video", type=Path, metavar="FILE", help="draw the readings of a clip as a timeline instead")
    explore.add_argument("--max-frames", type=positive, metavar="N", help="of the clip")
    add_data(explore)
    explore.set_defaults(run=_explore)

    smoothing = commands.add_parser(
        "smoothing", help="how steady and how soon the shown emotion is, on clips of real faces, by ways to smooth"
    )
    smoothing.add_argument(
        "--model", default="emotion-base", help="bundled classifier or sidecar path (default: emotion-base)"
    )
    smoothing.add_argument("--faces", type=positive, default=320, metavar="N", help="of the clips (default: 320)")
    smoothing.add_argument("--seed", type=seed, default=0, help="of faces, rooms, light and noise (default: 0)")
    smoothing.add_argument(
        "--out",
        type=Path,
        default=Path("docs/results"),
        metavar="DIR",
        help="of smoothing.json and smoothing.png (default: docs/results)",
    )
    smoothing.add_argument(
        "--redraw", action="store_true", help="only draw smoothing.png again, from smoothing.json as it is"
    )
    add_data(smoothing)
    smoothing.set_defaults(run=_smoothing)

    clean = commands.add_parser("clean", help="list training images whose label their cluster contradicts")
    clean.add_argument("run_folder", type=Path, metavar="RUN", help="of a trained emotion network")
    clean.add_argument("--clusters", type=positive, default=64, help="of k-means (default: 64)")
    clean.add_argument("--out", type=Path, default=Path("out/clean"), metavar="DIR", help="default: out/clean")
    add_data(clean)
    clean.set_defaults(run=_clean)

    pngs = commands.add_parser("fer-folders", help="write FER+'s folders of PNG files from the two CSVs")
    pngs.add_argument("--out", type=Path, required=True, metavar="DIR")
    pngs.add_argument("--size", type=positive, default=48, help="side in pixels (default: 48)")
    add_data(pngs)
    pngs.set_defaults(run=_fer_folders)


def _compare(options: argparse.Namespace) -> int:
    results = folder(options.out or Path("out/compare" if options.quick else "docs/results"))
    page = options.page or (results / "compare.md" if options.quick else Path("docs/compare.md"))
    names = [name for name in options.recipes.split(",") if name]
    if options.redraw:
        from mien_train.study import compare_kept, compare_page

        rows, histories = compare_kept.read(results)
        compare_page.show([compare_kept.told_now(row) for row in rows], histories, results, page, options.quick)
        print(page)  # noqa: T201
        return 0
    where = store.folder(options.data)
    writable(page, "--page")
    from mien_train.study import compare, compare_kept, compare_page, compare_plan
    from mien_train.study.compare_rows import Failed

    try:
        earlier = compare_kept.read(results)  # before the long work
    except MienError:
        if names:  # whose other rows would be lost
            raise
        earlier = [], {}
    plan = compare_plan.plan_of(options.runs, where, options.seed, options.jobs, options.quick)

    def report(rows: Sequence[Row], histories: Mapping[str, Epochs]) -> None:
        compare_page.write(*compare_kept.merged(plan, rows, histories, earlier), results, page, plan.quick)

    rows, histories = compare.compare(plan, names, report)
    print(compare_page.table(compare_kept.merged(plan, rows, histories, earlier)[0]))  # noqa: T201
    failed = [row for row in rows if isinstance(row, Failed)]
    for row in failed:
        print(f"mien_train: {row.recipe}: {row.error}", file=sys.stderr)  # noqa: T201
    return 1 if failed else 0


def _sweep(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    from mien_train.study import sweep, sweep_table

    found = sweep.sweep(
        options.recipe,
        options.space,
        where,
        folder(options.out or Path("runs") / f"sweep-{options.recipe}"),
        options.storage,
        options.trials,
        options.seed,
        options.set,
    )
    print(sweep_table.text(found))  # noqa: T201
    return 0


def _explore(options: argparse.Namespace) -> int:
    if options.max_frames and not options.video:
        raise MienError("--max-frames is of a clip; name one with --video, or leave it out")
    out = folder(options.out)
    if options.video:
        from mien_train.study import timeline

        timeline.timeline(options.video, out, options.max_frames)
    else:
        from mien.models import bundle
        from mien_train.study import explore

        explore.explore(store.folder(options.data), out, bundle.load(options.model).artefact("tflite"))
    print(*sorted(out.iterdir()), sep="\n")  # noqa: T201
    return 0


def _smoothing(options: argparse.Namespace) -> int:
    from mien_train.study import smoothing, smoothing_result

    out = folder(options.out)
    if options.redraw:
        smoothing.redraw(out)
        return 0
    where = store.folder(options.data)
    found = smoothing.study(where, options.model, options.faces, options.seed, out)
    print(smoothing_result.text(found))  # noqa: T201
    return 0


def _clean(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    from mien_train.study import cleaning

    if not options.run_folder.exists():
        raise MienError(f"{options.run_folder}: no such run; train one with `python -m mien_train emotion`")
    found = cleaning.suspects(options.run_folder, where, options.clusters, folder(options.out))
    print(f"{found.suspects} of {found.images} images are suspect: {options.out}")  # noqa: T201
    return 0


def _fer_folders(options: argparse.Namespace) -> int:
    from mien_train.data import ferplus_folders

    counts = ferplus_folders.write(store.folder(options.data), folder(options.out), options.size)
    print(*(f"{count:>7} {name}" for name, count in counts.items()), sep="\n")  # noqa: T201
    return 0
