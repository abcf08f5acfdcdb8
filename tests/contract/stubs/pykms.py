"""picamera2 imports it for previews on a screen, which nobody opens here."""

from __future__ import annotations


class _Names(type):
    def __getattr__(cls, name: str) -> str:
        return name


class PixelFormat(metaclass=_Names):
    """Any format is its own name."""
