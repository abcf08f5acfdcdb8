"""The page's guard: any request is answered once, and handed on only with a known host, own origin and the token."""

from __future__ import annotations

import asyncio
import contextlib
import http.cookies
import ipaddress
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from strategies import refused, taken

from mien.preview import guard, listeners, tokens

TOKEN = "kvR2-3sN_xQ9zP4wLm8t"
HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "kiosk.local"})

latin = st.text(st.characters(max_codepoint=255), max_size=24)
KNOWN = ("localhost:8010", "127.0.0.1", "[::1]:8010", "kiosk.local", "KIOSK.local", "localhost:x", "a@localhost")
FOREIGN = ("evil.example", "", "[", "[::1", "10.0.0.9:1", "localhost.evil.example", "localhost@evil.example", "0x7f.1")
hosts = st.sampled_from([*KNOWN, *FOREIGN])
origins = hosts.flatmap(lambda host: st.sampled_from([f"http://{host}", f"https://{host}", f"file://{host}", "null"]))
credentials = st.sampled_from(
    [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", "Bearer", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer x{TOKEN}"]
)
cookies = st.sampled_from(
    [
        f"mien-preview={TOKEN}",
        f'mien-preview="{TOKEN}"',
        "mien-preview=",
        f"x=1; mien-preview={TOKEN}",
        f"mien-preview={TOKEN}x",
        f"mien={TOKEN}",
    ]
)


def _headers() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "host": hosts | latin,
            "origin": origins | latin,
            "authorization": credentials | latin,
            "cookie": cookies | latin,
            "sec-fetch-site": st.sampled_from(["none", "same-origin", "same-site", "cross-site"]) | latin,
            "sec-fetch-mode": st.sampled_from(["navigate", "no-cors"]) | latin,
            "content-length": st.sampled_from(["0", "5", "-1", "x"]),
            "transfer-encoding": st.just("chunked"),
            "x-long": st.just("x" * 17_000),
        },
    )


def _asked(
    headers: dict[str, str], method: str, path: str, query: bytes, token: str | None, numbers: bool
) -> tuple[bool, int, list[tuple[bytes, bytes]]]:
    """Whether the application was reached, the status of the one answer, and its headers."""
    reached = False

    async def application(scope: guard.Message, receive: guard.Receive, send: guard.Send) -> None:
        nonlocal reached
        reached = True
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sent: list[guard.Message] = []

    async def send(message: guard.Message) -> None:
        sent.append(message)

    async def receive() -> guard.Message:
        return {"type": "http.disconnect"}

    scope: guard.Message = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    asyncio.run(guard.Guard(application, HOSTS, numbers, token, b"ask")(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    answered = sent[0]["headers"]
    assert isinstance(answered, list)
    status = sent[0]["status"]
    assert isinstance(status, int)
    return reached, status, answered


@pytest.fixture(autouse=True, scope="module")
def wrong_tokens_cost_no_time() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "_SECONDS_A_WRONG_TOKEN_COSTS", 0.0)
        yield


@given(
    _headers(),
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS"]) | latin,
    st.sampled_from(["/", "/stream", "/style.css", "/pause", "//", "/style.css/../stream"]) | st.text(max_size=12),
    st.sampled_from([b"", b"token=" + TOKEN.encode(), b"token=x", b"token=%ff", b"&&;;"]) | st.binary(max_size=20),
    st.sampled_from([None, TOKEN]),
    st.booleans(),
)
@example({"host": "localhost", "origin": "http://["}, "POST", "/pause", b"", None, False)
@example({"host": "localhost", "cookie": f"mien-preview={TOKEN}\x00"}, "GET", "/", b"", TOKEN, False)
def test_any_request_is_answered_once_and_handed_on_only_with_host_origin_and_token(
    headers: dict[str, str], method: str, path: str, query: bytes, token: str | None, numbers: bool
) -> None:
    reached, status, answered = _asked(headers, method, path, query, token, numbers)
    assert {name for name, _ in guard.SECURITY_HEADERS} <= {name for name, _ in answered}
    for name, value in answered:
        assert b"\n" not in name + value
        assert b"\r" not in name + value
    if not reached:
        assert status in (303, 401, 403, 405, 413, 421, 431)
        return
    assert method in ("GET", "HEAD", "POST")
    host = headers.get("host", "").lower()
    assert "evil" not in host
    known = any(host.removeprefix("[").startswith(name) for name in HOSTS) or "@" in host
    assert known or (numbers and _is_number(host))
    if method == "POST":
        assert headers["origin"].lower() in (f"http://{host}", f"https://{host}")
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        assert headers["sec-fetch-mode"] == "navigate"
    if token is not None and path not in guard.OPEN_PATHS:
        assert _shown(headers)


def _shown(headers: dict[str, str]) -> bool:
    """Whether a header holds the token, the whole token and nothing but the token."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    jar: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    with contextlib.suppress(http.cookies.CookieError):
        jar.load(headers.get("cookie", ""))
    cookie = jar["mien-preview"].value if "mien-preview" in jar else ""
    return (scheme.lower() == "bearer" and given.strip() == TOKEN) or cookie == TOKEN


def _is_number(host: str) -> bool:
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


token_signs = st.characters(min_codepoint=33, max_codepoint=126)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(token_signs, min_size=16, max_size=24))
@example("$" * 16)
@example("%41" * 6)
@example("a=b&c+d#e?f/g:h@i")
@example("{[(<>)]}!'*^`|~.-")
def test_a_token_that_is_taken_opens_the_page_by_header_by_address_and_by_the_cookie_that_it_sets(
    tmp_path: Path, token: str
) -> None:
    path = tmp_path / "token"
    path.write_text(token)
    path.chmod(0o600)
    secret = taken(lambda: tokens.read(path))
    assume(secret is not None)
    assert secret is not None
    host = {"host": "localhost"}
    assert _asked({**host, "authorization": f"Bearer {secret}"}, "GET", "/stream", b"", secret, False)[0]
    reached, status, headers = _asked(host, "GET", "/", b"token=" + quote(secret, safe="").encode(), secret, False)
    assert (reached, status) == (False, 303)
    (cookie,) = (value.decode() for name, value in headers if name == b"set-cookie")
    assert _asked({**host, "cookie": cookie.partition(";")[0]}, "GET", "/stream", b"", secret, False)[0]
    for wrong in (secret[:-1], secret + "x", "x" + secret):
        assert not _asked({**host, "authorization": f"Bearer {wrong}"}, "GET", "/stream", b"", secret, False)[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from([0o600, 0o644]))
def test_a_token_file_of_any_bytes_is_one_that_a_header_can_hold_or_refused(
    tmp_path: Path, raw: bytes, mode: int
) -> None:
    path = tmp_path / "token"
    path.write_bytes(raw)
    path.chmod(mode)
    secret = taken(lambda: tokens.read(path))
    if secret is None:
        return
    assert mode == 0o600
    assert len(secret) >= 16
    assert secret.isascii()
    assert secret.isprintable()


@given(
    st.text(max_size=20) | st.sampled_from(["", ":", "localhost", "localhost:65536", "[::1:80", "[]:80", "h:٣", ":80"])
)
def test_an_address_without_host_or_port_is_refused_in_one_line(address: str) -> None:
    host, colon, port = address.rpartition(":")
    assume(not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536 and host != "[]"))
    refused(lambda: listeners.listen(address))


@given(st.text(st.characters(exclude_characters="123456789"), max_size=8))
@example("9" * 5000)
@example("٣")
def test_a_count_of_descriptors_that_is_no_number_hands_in_none(count: str) -> None:
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": "preview"}
    assert listeners.handed_in(environment) == ()
    assert environment == {}
