"""The bundle installs, upgrades and rolls back on an emulated Pi without network, and reads a face: `make test-bundle`.

The emulator is registered with the kernel in a user namespace of the test's own, so that programs of the root start
one another as on a Pi, and nothing outlives the test. No /sys is shown: LiteRT falls back to its slow kernels.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import pytest
from bundles import seal

from mien.cameras import demo
from mien.errors import MienError
from mien_export.arm64.root import CACHE, need
from mien_export.arm64.targets import ROOT, TARGETS, Target

pytestmark = pytest.mark.timeout(3600)  # an emulated processor is slow

TOOLS = {"mmdebstrap": "mmdebstrap", "qemu-aarch64-static": "qemu-user-static", "unshare": "util-linux"}
PACKAGES = "python3,dash,coreutils,sed,libstdc++6,libgomp1,libatomic1"
_FRAMES = 5
PICAMERA2 = "usr/lib/python3/dist-packages"

_MAGIC = r"\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00"
_MASK = r"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff"
ENTER = f"""
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf ':aarch64:M::{_MAGIC}:{_MASK}:%s:F' "$(command -v qemu-aarch64-static)" > /proc/sys/fs/binfmt_misc/register
mkdir -p "$0/dev" "$0/proc" "$0/tmp"
mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc"
exec chroot "$0" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 /bin/sh -c "$1"
"""


@dataclass(frozen=True)
class Pi:
    """A system on which the bundle is installed, and where the bundle lies in it."""

    folder: Path
    bundle: Path

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command there: as root, emulated, with no network but an idle loopback."""
        unshare = ["unshare", "--user", "--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork"]
        return subprocess.run(
            [*unshare, "sh", "-e", "-c", ENTER, str(self.folder), command], capture_output=True, text=True
        )

    def install(self, bundle: Path | None = None) -> subprocess.CompletedProcess[str]:
        place = "/" + str((bundle or self.bundle).relative_to(self.folder))
        return self.run(f"sh {place}/install.sh --no-service")

    @property
    def current(self) -> str:
        return str((self.folder / "opt/mien/current").readlink())

    @property
    def versions(self) -> set[str]:
        return {f"versions/{path.name}" for path in (self.folder / "opt/mien/versions").iterdir()}

    def packages(self, *names: str) -> list[Path]:
        """Places of packages of the version that is current."""
        (site,) = (self.folder / "opt/mien" / self.current).glob("lib/python3*/site-packages")
        return [site / name for name in names]

    def other(self, name: str) -> Path:
        """Another bundle, the same as the first so far."""
        return Path(shutil.copytree(self.bundle, self.folder / name))


@pytest.fixture(scope="module", params=TARGETS, ids=lambda target: target.suite)
def pi(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pi]:
    target: Target = request.param
    archives = sorted((ROOT / "dist").glob(f"mien-*-{target.suite}-aarch64.tar.gz"), key=lambda p: p.stat().st_mtime)
    if not archives:
        pytest.fail("there is no bundle in dist; run `make bundle`")
    folder = tmp_path_factory.mktemp(target.suite) / "root"
    try:
        subprocess.run(["cp", "-a", str(_system(target)), str(folder)], check=True)
    except MienError as error:
        pytest.exit(f"test-bundle: {error}", returncode=2)
    # A stand-in for what apt installs on a Pi: visible from the environment, or not.
    for package in ("picamera2", "libcamera"):
        (folder / PICAMERA2 / package).mkdir(parents=True)
        (folder / PICAMERA2 / package / "__init__.py").write_text(
            "class Picamera2:\n    @staticmethod\n    def global_camera_info():\n        return []\n"
        )
    numpy = "1.24.2" if target.suite == "bookworm" else "2.2.4"
    (folder / PICAMERA2 / f"numpy-{numpy}.dist-info").mkdir()
    shutil.copy(demo.photograph(), folder / "astronaut.png")
    _clip(folder / "demo.avi")
    with tarfile.open(archives[-1]) as archive:
        archive.extractall(folder / "media", filter="data")
    (bundle,) = (folder / "media").iterdir()
    yield Pi(folder, bundle)
    shutil.rmtree(folder, ignore_errors=True)


def _clip(path: Path) -> None:
    """The demo's first frames as a film: where the bundle is installed, the package with its photograph is not."""
    frames = [frame.luma for frame in islice(demo.DemoCamera().frames(), _FRAMES)]
    height, width = frames[0].shape
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (width, height), isColor=False)
    for frame in frames:
        film.write(frame)
    film.release()


def _system(target: Target) -> Path:
    need(TOOLS)
    folder = CACHE / f"{target.suite}-install-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        command = ["mmdebstrap", "--quiet", "--variant=extract", "--architectures=arm64", f"--include={PACKAGES}"]
        command += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", target.suite, str(part)]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            raise MienError(f"mmdebstrap failed, is there a network? {ran.stderr[-300:]}")
        part.rename(folder)
    return folder


def test_it_installs_without_network_and_reads_a_face(pi: Pi) -> None:
    devices = pi.run("while read line; do echo $line; done < /proc/net/dev").stdout.splitlines()[2:]
    assert [line.split(":")[0] for line in devices] == ["lo"]
    ran = pi.install()
    assert ran.returncode == 0, ran.stderr
    assert pi.versions == {pi.current}
    ran = pi.run("mien detect /astronaut.png --json")
    assert ran.returncode == 0, ran.stderr
    (face,) = json.loads(ran.stdout)["faces"]
    assert face["emotion"] == "happiness"
    ran = pi.run("mien run --source /demo.avi --sink jsonl:-")
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(lines) == _FRAMES
    assert {line["top"] for line in lines} == {"happiness"}
    assert json.loads(pi.run("mien models --json").stdout)


def test_the_doctor_finds_the_systems_picamera2_and_a_numpy_that_fits_it(pi: Pi) -> None:
    ran = pi.run("mien doctor --json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    checks = {check["name"]: check for check in json.loads(ran.stdout)["checks"]}
    assert checks["numpy pairing"]["ok"], checks["numpy pairing"]
    assert checks["camera"]["detail"].startswith("none connected")
    # The same environment without the system's packages: the check can fail.
    hidden = f"sed -i s/true/false/ /opt/mien/{pi.current}/pyvenv.cfg"
    ran = pi.run(f"{hidden}; mien doctor; status=$?; {hidden.replace('s/true/false/', 's/false/true/')}; exit $status")
    assert ran.returncode == 1
    assert "is installed, but hidden" in ran.stdout


def test_installing_again_changes_nothing(pi: Pi) -> None:
    before = pi.current
    ran = pi.install()
    assert ran.returncode == 0, ran.stderr
    assert "installed already" in ran.stdout
    assert (pi.current, pi.versions) == (before, {before})


def test_a_damaged_bundle_and_one_that_lacks_a_package_leave_what_runs_as_it_was(pi: Pi) -> None:
    before = pi.current
    damaged = pi.other("damaged")
    (wheel,) = damaged.glob("wheels/flatbuffers*.whl")
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"x")
    ran = pi.install(damaged)
    assert ran.returncode == 1
    assert "this bundle is damaged" in ran.stderr
    lacking = pi.other("lacking")
    (wheel,) = lacking.glob("wheels/numpy*.whl")
    wheel.unlink()
    seal(lacking)
    ran = pi.install(lacking)
    assert ran.returncode != 0
    assert ran.stderr.endswith("nothing was changed\n")
    assert (pi.current, pi.versions) == (before, {before})
    assert pi.run("mien models").returncode == 0


def test_an_upgrade_switches_at_its_end_and_keeps_the_version_before(pi: Pi) -> None:
    before = pi.current
    # Added by hand after the first installation, for the GPIO lines.
    for folder in pi.packages("gpiod", "gpiod-2.3.0.dist-info"):
        folder.mkdir()
        (folder / "added").write_text("by hand\n")
    newer = pi.other("newer")
    (newer / "constraints.txt").write_text("# newer\n")
    seal(newer)
    ran = pi.install(newer)
    assert ran.returncode == 0, ran.stderr
    assert pi.current != before
    assert pi.versions == {before, pi.current}
    assert all((folder / "added").is_file() for folder in pi.packages("gpiod", "gpiod-2.3.0.dist-info"))
    assert pi.run("mien models").returncode == 0


def test_every_package_has_its_licence_named(pi: Pi) -> None:
    table = (pi.bundle / "LICENCES.md").read_text()
    wheels = [path.name.split("-")[0] for path in pi.bundle.glob("wheels/*.whl")]
    assert len(wheels) >= 4
    for name in wheels:
        assert f"| {name} |".replace("_", "-").replace(".", "-") in table.replace("_", "-").replace(".", "-"), name
    assert "not said" not in table
