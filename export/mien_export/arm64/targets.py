"""The two systems that a Raspberry Pi runs, and how pip is told to choose wheels for them from elsewhere."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
CONSTRAINTS = ROOT / "edge/constraints"

# pip takes each name literally, so every tag of a wheel that is wanted must be here: numpy and OpenCV have the first,
# LiteRT the second, ONNX Runtime the third, tflite-runtime the last. Bookworm has glibc 2.36, Trixie 2.41.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64")


@dataclass(frozen=True, slots=True)
class Target:
    """A release of Raspberry Pi OS, 64-bit.

    Attributes:
        suite: Debian's name of it.
        python: version of its Python, such as "3.11".
    """

    suite: str
    python: str

    @property
    def constraints(self) -> Path:
        """The file of its pins."""
        return CONSTRAINTS / f"{self.suite}.txt"

    @property
    def pins(self) -> tuple[Requirement, ...]:
        """The pins, as written."""
        lines = (line.strip() for line in self.constraints.read_text(encoding="utf-8").splitlines())
        return tuple(Requirement(line) for line in lines if line and not line.startswith("#"))

    def requirements(self, *extras: str) -> tuple[Requirement, ...]:
        """What the project needs there, with some of its extras, markers resolved.

        pip evaluates markers for the Python that it runs on, whatever `--python-version` says, so this does it.
        """
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        lines = [*project["dependencies"], *(r for extra in extras for r in project["optional-dependencies"][extra])]
        needed = []
        for requirement in map(Requirement, lines):
            environment = {"python_version": self.python, "platform_machine": "aarch64", "sys_platform": "linux"}
            if requirement.marker is None or requirement.marker.evaluate(environment):
                requirement.marker = None
                needed.append(requirement)
        return tuple(needed)

    @property
    def pip(self) -> tuple[str, ...]:
        """Options by which pip chooses its wheels, and nothing that would have to be built."""
        abi = f"cp{self.python.replace('.', '')}"
        return (
            "--only-binary=:all:",
            *(f"--platform={platform}" for platform in PLATFORMS),
            f"--python-version={self.python}",
            "--implementation=cp",
            *(f"--abi={name}" for name in (abi, "abi3", "none")),
        )


TARGETS = (Target("bookworm", "3.11"), Target("trixie", "3.13"))
