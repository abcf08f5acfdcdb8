# ruff: noqa: E501 # a row a line
"""docs/promises.md: what the front page promises, and the tests that hold it; `python tests/docs/docs_promises.py`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/promises.md"

PROMISES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("two small int8 networks", "check-results", ("tests/results/check_promises.py::test_the_classifiers_are_small_accurate_and_the_same_in_both_artefacts", "tests/results/check_promises.py::test_false_alarms_and_size_of_the_base_detector")),
    ("a runtime without torch, and the readings of a moving clip", "test", ("tests/edge/test_real_models.py::test_the_demos_face_is_found_in_95_percent_of_its_frames", "tests/test_imports.py::test_the_demo_is_read_where_nothing_of_training_can_be_imported", "tests/test_wheel.py::test_installed_in_an_empty_environment_it_finds_and_verifies_its_models")),
    ("one 640×480 frame, one face", "check-results", ("tests/results/check_promises.py::test_every_promise_of_the_bench_was_met", "tests/export/test_held.py::test_a_time_past_its_limit_breaks_it")),
    ("`make bundle` makes an archive that installs without internet", "test-bundle", ("tests/platform/check_bundle.py::test_it_installs_without_network_and_reads_a_face", "tests/platform/test_lock.py::test_every_package_of_a_kiosk_is_locked_in_the_pinned_version_with_its_hash")),
    ("hardened systemd service", "test-systemd", ("tests/platform/check_systemd.py::test_sockets_writes_and_devices_are_denied_within_the_unit_and_not_outside",)),
    ("Nothing, unless you ask for it", "test-privacy", ("tests/privacy/check_traced.py::test_a_run_touches_nothing_but_its_sink", "tests/privacy/check_isolated.py::test_without_an_interface_the_readings_are_the_same")),
    ("`mien run --explain-privacy` says what your settings keep", "test", ("tests/privacy/test_explained.py::test_every_sink_says_where_its_readings_go_and_whether_they_leave", "tests/privacy/test_explained.py::test_every_setting_that_opens_a_way_out_is_explained")),
    ("compared with their SHA-256 before they are loaded", "test", ("tests/privacy/test_data.py::test_no_interpreter_sees_a_byte_of_a_changed_model", "tests/properties/test_sidecars.py::test_a_model_file_is_given_only_byte_for_byte_as_it_was_hashed")),
    ("each check is seen to catch a planted", "test-privacy", ("tests/privacy/check_traced.py::test_a_planted_violation_is_seen", "tests/privacy/check_traced.py::test_pixels_planted_in_what_may_be_written_are_found")),
    ("mien bench --compare before.json after.json", "test", ("tests/edge/bench/test_compare.py::test_a_slower_whole_path_past_the_threshold_is_status_1",)),
    ("prints each change of expression", "test", ("tests/docs/test_program.py::test_it_prints_each_change_of_expression_once",)),
    ("with any labels; the runtime takes what comes out", "test", ("tests/export/test_own_classes.py::test_three_classes_of_shapes_train_evaluate_export_and_run",)),
)  # fmt: skip
"""A phrase of the front page, the target of `make` that runs its tests, and the tests."""

_HEAD = """# What is promised, and the tests that hold it

Each row is a phrase of the [front page](../README.md). The target of `make` runs the tests; each link leads to
the file of one. What goes wrong, and what it ends in, is in [faults](faults.md). Written by
`python tests/docs/docs_promises.py`, and compared with the front page and the tests by `make test`.

| promise | `make` | tests |
| --- | --- | --- |
"""


def page() -> str:
    """The page."""
    return _HEAD + "".join(
        f"| {phrase} | `{target}` | {'<br>'.join(_link(test) for test in tests)} |\n"
        for phrase, target, tests in PROMISES
    )


def _link(test: str) -> str:
    file, _, name = test.partition("::test_")
    return f"[{name.replace('_', ' ')}](../{file})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
