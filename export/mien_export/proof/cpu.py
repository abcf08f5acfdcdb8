"""Whether this processor multiplies uint8 by int8 without saturating."""

from __future__ import annotations

import platform
from pathlib import Path

_DOT_PRODUCTS = ("avx512_vnni", "avx_vnni", "amx_int8")


def saturates(machine: str | None = None, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether ONNX Runtime's U8S8 kernels may saturate here.

    x86 without VNNI or AMX adds pairs of products in 16 bits (VPMADDUBSW), which can overflow; Arm widens.

    Args:
        machine: such as "x86_64" or "aarch64"; this machine's if None.
        cpuinfo: Linux's description of the processor; where there is none, an x86 counts as one without VNNI.
    """
    if (machine or platform.machine()).lower() not in ("x86_64", "amd64", "i686"):
        return False
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    return not any(flag in flags for flag in _DOT_PRODUCTS)
