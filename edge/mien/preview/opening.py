"""A run's page, if one is wanted: by an address, or by sockets that systemd hands in."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mien.cameras.base import Camera
from mien.outputs.queued import SinkState
from mien.pipeline import Pipeline
from mien.preview.listeners import handed_in
from mien.preview.settings import PreviewSettings

if TYPE_CHECKING:
    from mien.preview.server import Page


def open_page(
    pipeline: Pipeline, camera: Camera, settings: PreviewSettings, sinks: Callable[[], Sequence[SinkState]]
) -> Page | None:
    """The page of a run; None if nobody wants one.

    Args:
        pipeline: of the run.
        camera: the pipeline's.
        settings: whose address says whether and where, unless systemd hands in sockets.
        sinks: how each sink is doing.

    Raises:
        MienError: it can't be opened; see `Page`.
    """
    sockets = handed_in(os.environ)
    if not sockets and not settings.address:
        return None
    from mien.preview.server import Page  # not before: asyncio alone takes a Pi a while to import

    return Page(pipeline, camera, settings, sinks, sockets)


def announced(page: Page) -> str:
    """Lines for the user: where the page is, and this once the token that was drawn for it."""
    query = f"?token={page.token}" if page.drawn else ""
    return "".join(f"mien: page at {url}{query}\n" for url in page.urls)
