"""Answers without an end: pictures one after another, and events. Plain ASGI, with a limit to every write."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable

from mien.preview.guard import Message, Receive, Send
from mien.preview.state import StateShown
from mien.preview.view import View

_BOUNDARY = b"mien-picture"
PICTURES = b"multipart/x-mixed-replace; boundary=" + _BOUNDARY
EVENTS = b"text/event-stream; charset=utf-8"

WRITE_SECONDS = 10.0
"""Who takes nothing for so long is let go: it is held up, or gone without a word."""

_LOOK_ROUND_SECONDS = 1.0


class Bell:
    """Wakes all who wait. `ring` from any thread, `wait` in the loop's.

    Args:
        loop: of the server.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()
        self.closed = False

    def ring(self) -> None:
        """Wake who waits now."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    def close(self) -> None:
        """Every stream is to end."""
        self.closed = True
        self.ring()

    async def wait(self, seconds: float) -> None:
        """Until somebody rings, or for so many seconds; not at all once it is closed."""
        if self.closed:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)


class Stream:
    """An ASGI answer of parts, until they end, or whoever asked has gone or takes nothing.

    Args:
        parts: empty ones are not sent; one is due at least every second or so, to notice who has gone.
        kind: content type.
        seconds: for one write; see `WRITE_SECONDS`.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], kind: bytes, seconds: float = WRITE_SECONDS) -> None:
        self._parts, self._kind, self._seconds = parts, kind, seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer; see ASGI."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", self._kind)]})
                await send({"type": "http.response.body"})
                return
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", self._kind)]})
            async for part in self._parts:
                if gone.done():
                    return
                if part:
                    message: Message = {"type": "http.response.body", "body": part, "more_body": True}
                    await asyncio.wait_for(send(message), self._seconds)
            await send({"type": "http.response.body"})
        except TimeoutError:
            return  # the server closes a connection whose answer is not whole
        finally:
            gone.cancel()
            await self._parts.aclose()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def pictures(view: View, bell: Bell) -> AsyncGenerator[bytes, None]:
    """The view's pictures, for one who looks; a slow one gets fewer.

    Args:
        view: is joined now, and left at the end.
        bell: rings with each new picture.
    """
    view.join()
    try:
        # A browser shows a part when the boundary after it has come: each is followed by the next one's.
        yield b"--" + _BOUNDARY + b"\r\n"
        number = 0
        while not bell.closed:
            picture = view.newest(number)
            if picture is None:
                yield b""
                await bell.wait(_LOOK_ROUND_SECONDS)
                continue
            number, content = picture
            yield (
                b"Content-Type: image/jpeg\r\nContent-Length: " + str(len(content)).encode() + b"\r\n\r\n" + content
                + b"\r\n--" + _BOUNDARY + b"\r\n"
            )  # fmt: skip
    finally:
        view.leave()


async def events(told: Callable[[], StateShown], bell: Bell, seconds: float = 0.2) -> AsyncGenerator[bytes, None]:
    """Server-sent events: the run's state at every change, not oftener than given, and at least every second.

    Args:
        told: the state.
        bell: rings with each change.
        seconds: between two.
    """
    yield b"retry: 2000\n\n"
    while not bell.closed:
        yield b"data: " + json.dumps(told(), ensure_ascii=False).encode() + b"\n\n"
        await asyncio.sleep(seconds)
        await bell.wait(_LOOK_ROUND_SECONDS)
