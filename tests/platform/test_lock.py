"""The locks for Raspberry Pi OS: every package pinned with its hash, within the pins, and its licence on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from mien_export.arm64.targets import CONSTRAINTS, ROOT, TARGETS, Target

EXTRAS = ("mqtt", "preview")
"""What `make bundle` installs besides the dependencies."""

_LINE = re.compile(r"([A-Za-z0-9._-]+)==([0-9][0-9A-Za-z.]*) --hash=sha256:([0-9a-f]{64})")
_COPYLEFT = re.compile(r"\b[AL]?GPL|not said", re.IGNORECASE)
"""What would bind whoever passes a kiosk on, or cannot be told."""


def locked(text: str) -> dict[str, Version]:
    """Package to version; fails on a line that is no pin with one hash."""
    found = {}
    for line in filter(None, text.splitlines()):
        if not line.startswith("#"):
            match = _LINE.fullmatch(line)
            assert match, f"no pin with a hash: {line}"
            found[canonicalize_name(match[1])] = Version(match[2])
    return found


def faults(target: Target, text: str) -> list[str]:
    """What is missing in a lock, or is not of the versions that the project and its pins allow."""
    packages, found = locked(text), []
    pins = {canonicalize_name(pin.name): pin.specifier for pin in target.pins}
    for requirement in target.requirements(*EXTRAS):
        name = canonicalize_name(requirement.name)
        if name not in packages:
            found.append(f"{name} is missing")
        elif not (requirement.specifier & pins[name]).contains(packages[name]):
            found.append(f"{name} {packages[name]} is not what is pinned")
    return found


def _text(target: Target) -> str:
    return (CONSTRAINTS / f"{target.suite}.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.suite)
def test_every_package_of_a_kiosk_is_locked_in_the_pinned_version_with_its_hash(target: Target) -> None:
    assert len(locked(_text(target))) > len(target.requirements(*EXTRAS)), "what those need in turn is missing"
    assert faults(target, _text(target)) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (r"numpy==1.26.4", "numpy==1.26.3", "numpy 1.26.3 is not what is pinned"),
        (r"(?m)^starlette==.*\n", "", "starlette is missing"),
    ],
)
def test_a_lock_that_is_out_of_date_is_caught(before: str, after: str, fault: str) -> None:
    assert faults(TARGETS[0], re.sub(before, after, _text(TARGETS[0]))) == [fault]


def test_a_line_without_a_hash_is_caught() -> None:
    with pytest.raises(AssertionError, match="no pin with a hash: anyio"):
        locked(_text(TARGETS[0]) + "anyio==4.0\n")


def licences(page: str) -> dict[str, tuple[list[str], str]]:
    """Package to its versions, one a release (empty where it is not there), and its licence."""
    rows = [line.strip("| \n").split(" | ") for line in page.splitlines() if re.match(r"\| [a-zA-Z].* \|$", line)]
    assert rows[0] == ["package", *(target.suite for target in TARGETS), "licence"]
    return {canonicalize_name(name): ([v.strip() for v in versions], said) for name, *versions, said in rows[1:]}


def test_the_licence_of_every_locked_package_is_on_the_page_and_none_is_unknown_or_binds_others() -> None:
    page = licences(Path(ROOT, "docs/licences.md").read_text(encoding="utf-8"))
    for index, target in enumerate(TARGETS):
        shown = {name: Version(versions[index]) for name, (versions, _) in page.items() if versions[index]}
        assert shown == locked(_text(target))
    assert [f"{name}: {said}" for name, (_, said) in page.items() if _COPYLEFT.search(said)] == []


def test_a_licence_that_binds_others_or_is_not_said_would_be_seen() -> None:
    for said in ("GPL-3.0-only", "GNU LGPL", "AGPL-3.0", "not said; see its texts"):
        assert _COPYLEFT.search(said)
    assert not _COPYLEFT.search("MPL-2.0 AND MIT")
