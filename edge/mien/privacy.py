"""What a run with given settings keeps, where, for how long, and what leaves the device: in words, before it runs."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mien.config import RunConfig
from mien.errors import MienError
from mien.outputs.names import shown
from mien.outputs.sinks import SPECS
from mien.preview.settings import PreviewSettings

READINGS = "time, box, five landmarks, a number while the face stays in view, probabilities of the expressions"
"""What every sink writes of a face."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One way on which something of a run goes somewhere.

    Attributes:
        way: the setting that opens it.
        what: goes there.
        where: it goes.
        kept: how long it stays there.
        pixels: whether pictures are among it.
        leaves: whether it is sent to another device.
    """

    way: str
    what: str
    where: str
    kept: str
    pixels: bool = False
    leaves: bool = False


def flows(settings: RunConfig, folder: Path = Path(), page: str = "") -> tuple[Flow, ...]:
    """Every way on which something of a run with these settings goes somewhere; nothing is opened for that.

    Args:
        settings: of the run.
        folder: from which its relative paths lead.
        page: address at which systemd listens for its page; empty if it does not.

    Raises:
        MienError: a sink that does not exist.
    """
    found = []
    for spec in settings.sinks:
        kind, _, target = spec.partition(":")
        if kind not in SINKS:
            raise MienError(f"unknown sink {spec!r}; give {SPECS}")
        flow = SINKS[kind](spec, target, settings, folder)
        if flow is not None:
            found.append(flow)
    if settings.annotate:
        where = f"annotated.mp4 and contact-sheet.png in {_absolute(folder / settings.annotate)}"
        found.append(Flow(f"annotate {shown(settings.annotate)}", "PICTURES of every frame", where, _FOR_EVER, True))
    if page or settings.preview.address or "LISTEN_FDS" in os.environ:
        found.append(_page(settings.preview, page or settings.preview.address))
    return tuple(found)


def text(settings: RunConfig, folder: Path = Path(), page: str = "") -> str:
    """The explanation of `flows`, for people; ends with a line end."""
    found = flows(settings, folder, page)
    lines = [
        f"Frames of {shown(settings.source)} are processed in memory and overwritten by later ones.",
        "",
        "What is kept or shown:",
    ]
    for flow in found:
        lines += [f"  {flow.way}", f"    what:  {flow.what}", f"    where: {flow.where}", f"    kept:  {flow.kept}"]
    if not found:
        lines.append("  nothing; a summary of counts and times is printed on standard error")
    pixels = [flow.way for flow in found if flow.pixels]
    leaving = [flow.way for flow in found if flow.leaves]
    lines += [
        "",
        "Pictures: " + (f"yes, by {', '.join(pixels)}." if pixels else "none is written or shown."),
        "Leaves the device: " + (", ".join(leaving) + "." if leaving else "nothing."),
        "Never, whatever the settings: names, recognised persons, telemetry, downloads, core dumps.",
    ]
    return "\n".join(lines) + "\n"


_FOR_EVER = "until somebody removes it"


def _text(spec: str, _target: str, _settings: RunConfig, _folder: Path) -> Flow:
    where = "standard output of this process (under systemd the journal)"
    return Flow(spec, READINGS, where, "as whoever reads it decides; mien keeps no copy")


def _jsonl(spec: str, target: str, settings: RunConfig, folder: Path) -> Flow:
    if target == "-":
        return _text(spec, target, settings, folder)
    kept = settings.jsonl
    how = f"appended to {_absolute(folder / target)}"
    if not kept.rotate_bytes:
        return Flow(f"jsonl:{shown(target)}", READINGS, how, _FOR_EVER)
    size = (kept.keep + 1) * kept.rotate_bytes
    how = f"until {kept.keep} newer files of {kept.rotate_bytes} bytes are full, about {size} bytes in all"
    return Flow(f"jsonl:{shown(target)}", READINGS, f"appended to {_absolute(folder / target)}", how)


def _sqlite(spec: str, target: str, settings: RunConfig, folder: Path) -> Flow:
    kept = settings.history
    what = f"number of faces and seconds of each emotion, of {kept.group} faces or more together"
    if kept.readings:
        what += f"; besides, of each face every {kept.interval:g} s: time, track number, emotion and its probability"
    how = f"{kept.days} days, then deleted and overwritten" if kept.days else _FOR_EVER
    return Flow(spec, what, f"the database {_absolute(folder / target)}", how)


def _mqtt(spec: str, target: str, settings: RunConfig, _folder: Path) -> Flow:
    where = f"the broker {target.removeprefix('//').partition('/')[0]}, over the network"
    where += ", encrypted" if spec.startswith("mqtts") else ", not encrypted"
    what = f"{READINGS}; number of faces; emotion of the face that is seen best"
    how = f"as the broker decides; while it is away, up to {settings.mqtt.buffer} messages in memory"
    return Flow(spec, what, where, how, leaves=True)


def _socket(spec: str, target: str, _settings: RunConfig, folder: Path) -> Flow:
    return Flow(spec, READINGS, f"programs on this device that open {_absolute(folder / target)}", "as they decide")


def _command(spec: str, _target: str, settings: RunConfig, _folder: Path) -> Flow:
    program = shown(" ".join(settings.command.argv)) or "no program: [command] argv is empty"
    return Flow(spec, f"at changes: {READINGS}", f"standard input of {program}", "as that program decides")


def _null(_spec: str, _target: str, _settings: RunConfig, _folder: Path) -> None:
    return None


SINKS: Mapping[str, Callable[[str, str, RunConfig, Path], Flow | None]] = {
    "text": _text,
    "jsonl": _jsonl,
    "sqlite": _sqlite,
    "mqtt": _mqtt,
    "mqtts": _mqtt,
    "socket": _socket,
    "command": _command,
    "null": _null,
}
"""Kind of each sink to what it does with readings, given its spec, its target, the settings and the folder."""


def _page(settings: PreviewSettings, address: str) -> Flow:
    """The live page; where it has no address, systemd hands in the sockets at which it listens."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or none: it may lead anywhere
        here = False
    where = f"a page at {shown(address) or 'the sockets that systemd hands in'}, " + (
        "for this device's own browsers" if here else "FOR OTHER DEVICES that have its token, not encrypted"
    )
    what = f"PICTURES, {'in colour' if settings.colour else 'grey'}, and readings, while somebody looks"
    return Flow(f"preview {shown(address)}".rstrip(), what, where, "not at all", True, not here)


def _absolute(path: Path) -> str:
    return shown(path.absolute())
