"""The server of the live page. The one module that needs Starlette and uvicorn, loaded when a page is opened."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from importlib.resources import files
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, cast

from mien import machine
from mien.cameras.base import Camera
from mien.closing import Closing
from mien.credentials import held
from mien.errors import MienError
from mien.outputs.queued import SinkState
from mien.pipeline import Pipeline
from mien.preview import listeners, streams, tokens
from mien.preview.guard import Application, Guard
from mien.preview.metrics import CONTENT_TYPE, Metrics
from mien.preview.monitor import Monitor
from mien.preview.settings import PreviewSettings
from mien.preview.state import StateShown, health, state
from mien.preview.view import View
from mien.reading import FrameResult

if TYPE_CHECKING:
    import uvicorn
    import uvicorn._types
    from starlette.requests import Request
    from starlette.responses import Response

MOST_VIEWERS, MOST_LISTENERS, MOST_CONNECTIONS = 8, 16, 48
"""Live views, streams of events and connections at the same time; more are refused."""

_PEER_SECONDS, _LOOK_SECONDS = 10.0, 1.0
"""For which a peer may owe a request, or take nothing of what it is sent; and how often that is looked at."""

_LARGEST_REQUEST = 16_384
_CLOSE_SECONDS = 5.0
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


class Page(Closing):
    """A run's page, metrics and health, served by a thread of its own until it is closed.

    Args:
        pipeline: of the run; its `preview` is set while somebody looks, else left as it is.
        camera: the pipeline's.
        settings: where to listen, and the token.
        sinks: how each sink is doing.
        handed_in: listening sockets to take in place of the address.

    Attributes:
        urls: where a browser finds it.
        token: what visitors must show; None if nothing, as where only this machine can reach it.
        drawn: whether the token was drawn just now, so that nobody knows it yet.
        monitor: the run's counts.
        view: the live view.

    Raises:
        MienError: Starlette, uvicorn or prometheus-client is not installed, or the address can't be listened at.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        camera: Camera,
        settings: PreviewSettings,
        sinks: Callable[[], Sequence[SinkState]] = tuple,
        handed_in: Sequence[socket] = (),
    ) -> None:
        self._pipeline, self._camera = pipeline, camera
        self._metrics = Metrics(pipeline, camera, sinks)
        self.monitor = Monitor(pipeline, self._metrics.observe)
        self._metrics.begin(self.monitor)
        self._listeners = 0
        self._slow: tuple[float, dict[str, dict[str, float]], machine.State] | None = None
        self.token = tokens.read(held(Path(settings.token_file))) if settings.token_file else None
        application = self._application()
        self._sockets = tuple(handed_in) or (listeners.listen(settings.address),)
        self.urls = tuple(listeners.url(listener) for listener in self._sockets)
        local = listeners.is_local(self._sockets)
        self.drawn = self.token is None and not local
        if self.drawn:
            self.token = tokens.drawn()
        self._loop = asyncio.new_event_loop()
        self._bell, self._changed = streams.Bell(self._loop), streams.Bell(self._loop)
        self.view = View(pipeline, settings.pictures, self._bell.ring, camera.colour if settings.colour else None)
        guard = Guard(application, listeners.hosts(self._sockets), not local, self.token, _content("token.html"))
        self._server = _server(guard)
        self._thread = threading.Thread(target=self._serve, name="mien-page", daemon=True)
        self._thread.start()

    def add(self, result: FrameResult) -> None:
        """Tell a frame's result, after the pipeline is done with it."""
        self.monitor.add(result)
        self._changed.ring()

    def close(self) -> None:
        """End every stream and the server, and close the sockets."""
        self.view.close()
        self._bell.close()
        self._changed.close()
        self._server.should_exit = True
        self._thread.join(_CLOSE_SECONDS)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # which ends what is still under way
            runner.run(self._server.serve(list(self._sockets)))

    # In the server's thread from here on.

    def _application(self) -> Application:
        try:
            from starlette.applications import Starlette
            from starlette.responses import JSONResponse, Response
            from starlette.routing import Route
        except ImportError as error:
            raise _missing(error) from None

        async def file(request: Request) -> Response:
            name, kind = _FILES[request.url.path]
            return Response(_content(name), media_type=kind)

        async def stream(request: Request) -> Response:
            if self.view.viewers >= MOST_VIEWERS:
                return Response("too many look already\n", 503, {"Retry-After": "10"})
            return cast("Response", streams.Stream(streams.pictures(self.view, self._bell), streams.PICTURES))

        async def events(request: Request) -> Response:
            if self._listeners >= MOST_LISTENERS:
                return Response("too many listen already\n", 503, {"Retry-After": "10"})
            return cast("Response", streams.Stream(self._events(), streams.EVENTS))

        async def healthz(request: Request) -> Response:
            told = health(self._pipeline)
            return JSONResponse(told, 200 if told["healthy"] else 503)

        async def metrics(request: Request) -> Response:
            return Response(self._metrics.text(), media_type=CONTENT_TYPE)

        async def pause(request: Request) -> Response:
            self._pipeline.pause()
            self.view.forget()
            self._changed.ring()
            return JSONResponse(health(self._pipeline))

        async def resume(request: Request) -> Response:
            self._pipeline.resume()
            self._changed.ring()
            return JSONResponse(health(self._pipeline))

        starlette = Starlette(
            routes=[
                *(Route(path, file) for path in _FILES),
                Route("/stream", stream),
                Route("/events", events),
                Route("/healthz", healthz),
                Route("/metrics", metrics),
                Route("/pause", pause, methods=["POST"]),
                Route("/resume", resume, methods=["POST"]),
            ]
        )
        return cast("Application", starlette)  # ASGI, whose messages Starlette types more loosely

    async def _events(self) -> AsyncGenerator[bytes, None]:
        self._listeners += 1
        try:
            async with contextlib.aclosing(streams.events(self._state, self._changed)) as parts:
                async for part in parts:
                    yield part
        finally:
            self._listeners -= 1

    def _state(self) -> StateShown:
        now = time.monotonic()
        if self._slow is None or now - self._slow[0] >= 1:
            latencies = {stage: dict(spread) for stage, spread in self.monitor.latencies().items()}
            self._slow = (now, latencies, machine.state())
        return state(self._pipeline, self.monitor, self._camera.description, self._slow[1], self._slow[2])


def _server(application: Application) -> uvicorn.Server:
    """A server with limits: of connections, of a request's size, and of the time for which it waits for a peer."""
    try:
        import h11
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as error:
        raise _missing(error) from None

    class Bounded(H11Protocol):
        """Lets go of who asks nothing, or byte by byte, and of who takes nothing of what it is sent."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._waits_since = self.loop.time()
            if len(self.connections) > MOST_CONNECTIONS:
                transport.close()
            else:
                self._look()

        def on_response_complete(self) -> None:
            self._waits_since = self.loop.time()
            super().on_response_complete()

        def pause_writing(self) -> None:
            self._waits_since = self.loop.time()
            super().pause_writing()

        def resume_writing(self) -> None:
            self._waits_since = self.loop.time()
            super().resume_writing()

        def _look(self) -> None:
            if self not in self.connections:  # it has gone
                return
            now = self.loop.time()
            asks_nothing = self.conn.their_state is h11.IDLE
            # One that is closed stays until its peer has taken the rest: one whose window is shut, for ever.
            if not (asks_nothing or self.flow.write_paused or self.transport.is_closing()):
                self._waits_since = now
            if now - self._waits_since >= _PEER_SECONDS:
                self.transport.abort()
            else:
                self.loop.call_later(_LOOK_SECONDS, self._look)

    return uvicorn.Server(
        uvicorn.Config(
            cast("uvicorn._types.ASGIApplication", application),
            http=Bounded,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # a warning a malformed request is a line in the journal for whoever sends one
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=_LARGEST_REQUEST,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
        )
    )


def _content(name: str) -> bytes:
    return (files("mien.preview") / "page" / name).read_bytes()


def _missing(error: ImportError) -> MienError:
    return MienError(
        f"the live page needs Starlette and uvicorn, which are not installed ({error}); install them: "
        "pip install starlette uvicorn prometheus-client"
    )
