"""SHA-256 without OpenSSL: `hashlib` loads that, and with it 4 MB of memory that nothing else in mien asks for."""

from __future__ import annotations

import importlib

_OWN = ("_sha2", "_sha256")
"""Where Python keeps what `hashlib` takes in OpenSSL's absence: from 3.12 on, and before."""


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256."""
    for name in _OWN:
        try:
            own: str = importlib.import_module(name).sha256(content).hexdigest()
        except ImportError:
            continue
        return own
    import hashlib  # some distributors leave Python's own out

    return hashlib.sha256(content).hexdigest()
