"""Who may ask the page for what: hosts, origins, tokens, sizes. An ASGI application around another."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

Message: TypeAlias = "MutableMapping[str, object]"
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = "list[tuple[bytes, bytes]]"
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
"""As ASGI 3 has it: of what is asked, and the two ways."""

COOKIE = "mien-preview"
OPEN_PATHS = frozenset({"/style.css", "/icon.svg"})
"""What the page that asks for a token needs."""

_SECONDS_A_WRONG_TOKEN_COSTS = 0.5
_LARGEST_HEADERS = 16_384
_COOKIE_SECONDS = 30 * 86_400

SECURITY_HEADERS: Headers = [
    (
        b"content-security-policy",
        b"default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
]
"""Of every answer."""


class Guard:
    """Refuses what comes under a foreign name, from a foreign page or without the token; adds `SECURITY_HEADERS`.

    Args:
        application: answers what is let through.
        hosts: names that a Host header may hold, in lower case; the port is not looked at, it may be forwarded.
        numbers: whether any IP address may stand there too: a foreign page's name can be made to lead here, but a
            number can't.
        token: what must be shown; None if nothing.
        ask_token: the page that asks for it, HTML.
    """

    def __init__(
        self, application: Application, hosts: frozenset[str], numbers: bool, token: str | None, ask_token: bytes
    ) -> None:
        self._application, self._hosts, self._numbers = application, hosts, numbers
        self._token, self._ask_token = token, ask_token

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer or hand on; see ASGI."""
        if scope["type"] != "http":
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*_headers(message), *SECURITY_HEADERS]}
            await send(message)

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in _headers(scope)}
        method, path = str(scope["method"]), str(scope["path"])
        refusal = self._foreign(method, headers)
        if refusal is not None:
            # Closed: of content that was announced the rest would be waited for.
            await _answer(protected, *refusal, [(b"connection", b"close")])
        elif self._token is None or path in OPEN_PATHS or self._shown(headers):
            await self._application(scope, receive, protected)
        else:
            await self._demand(scope, path, protected)

    def _foreign(self, method: str, headers: MutableMapping[str, str]) -> tuple[int, str] | None:
        """Status and line of a refusal, or None."""
        if sum(len(name) + len(value) for name, value in headers.items()) > _LARGEST_HEADERS:
            return 431, "too many or too long headers"
        host = headers.get("host", "")
        if not self._known(host):
            return 421, "this name is not one of mien's; use the address that mien printed"
        # A foreign page may lead here by a link, but not show the live view inside itself.
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            return 403, "asked by a page of another origin"
        if method not in ("GET", "HEAD"):
            if method != "POST":
                return 405, "only GET, HEAD and POST"
            if headers.get("origin", "").lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
                return 403, "POST needs an Origin header that names this very page"
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return 413, "send no content"
        return None

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._numbers

    def _shown(self, headers: MutableMapping[str, str]) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._right(bearer.strip()):
            return True
        # By hand: browsers send the cookies of every port of a host, and http.cookies drops all where one offends it.
        cookies = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return any(name == COOKIE and self._right(value) for name, _, value in cookies)

    def _right(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    async def _demand(self, scope: Message, path: str, send: Send) -> None:
        """Take the token out of the address into a cookie, or ask for it."""
        query = scope["query_string"]
        given = parse_qs(query.decode("latin-1") if isinstance(query, bytes) else "").get("token", [])
        if path != "/":
            await _answer(send, 401, "a token is needed", [(b"www-authenticate", b"Bearer")])
        elif given and self._right(given[0].strip()):
            cookie = f"{COOKIE}={given[0].strip()}; Path=/; Max-Age={_COOKIE_SECONDS}; HttpOnly; SameSite=Lax"
            # To an address without it: it must not stay in the line that people photograph and copy.
            await _answer(send, 303, "", [(b"location", b"/"), (b"set-cookie", cookie.encode())])
        else:
            if given:
                await asyncio.sleep(_SECONDS_A_WRONG_TOKEN_COSTS)
            await _send(send, 401, self._ask_token, b"text/html; charset=utf-8", [(b"www-authenticate", b"Bearer")])


def _headers(message: Message) -> Headers:
    headers = message.get("headers", [])
    assert isinstance(headers, list)
    return headers


async def _answer(send: Send, status: int, line: str, headers: Headers | None = None) -> None:
    await _send(send, status, f"{line}\n".encode(), b"text/plain; charset=utf-8", headers or [])


async def _send(send: Send, status: int, body: bytes, kind: bytes, headers: Headers) -> None:
    described = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": body})
