"""Requests to the page, from the bytes on the wire to the answer, without a network."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

# anyio imports this at the first file it serves; as deep in the stack as that is, CPython 3.11
# cannot parse what pytest rewrites.
from anyio import open_file  # noqa: F401

from harpi.config.loading import build
from harpi.evaluation.runs import FILE_NAME, RunLog
from harpi.imu.emulator import VirtualTime
from harpi.learning.heads import HeadRegistry
from harpi.signal.ring import Ring
from harpi.store.store import Store
from harpi.web.messages import Sources
from harpi.web.server import WebServer, _Connection
from tests.labs.campaign.fuzz.hostile import LONG_NUMBER, WORDS, nested
from tests.labs.campaign.fuzz.target import Feed, Target
from tests.support.conditions import condition
from tests.support.fake_room import FakeRoom
from tests.support.judgements import contest
from tests.support.models import tiny_base, tiny_head
from tests.support.takes import ROOMY, signal, take_of

PATIENCE: Final = 10.0
TOKEN: Final = "0" * 64
PASSWORD: Final = "correct horse"


class _AtOnce(ThreadPoolExecutor):
    """Does at once what would go to another thread."""

    def submit(
        self, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*args, **options))
        except BaseException as error:
            done.set_exception(error)
        return done


class _Wire(asyncio.Transport):
    """Takes what the server sends."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 40000), "sockname": ("127.0.0.1", 6050)})
        self.sent = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def _server(folder: Path, password: str | None) -> WebServer:
    settings: dict[str, object] = {
        "device.id": "arm",
        "web.enabled": True,
        "paths.state": str(folder),
        "paths.runtime": str(folder / "run"),
    }
    if password is not None:
        file = folder / "password"
        file.touch(mode=0o600)
        file.write_text(password)
        settings["web.password_file"] = str(file)
    store = Store(folder / "takes.db", ROOMY)
    store.add(take_of(session=store.new_session()), [signal(0.5)])
    shelf = HeadRegistry(folder / "heads")
    shelf.add(tiny_head())
    RunLog(folder / FILE_NAME).append(contest([("walking", {"knn": "walking"})])[1])
    server = WebServer(
        build(settings),
        Sources(
            room=FakeRoom(),
            ring=Ring(10, 50),
            store=store,
            condition=condition,
            evaluations=folder / FILE_NAME,
            shelf=shelf,
            base=tiny_base(),
            timebase=VirtualTime(1000.0),
        ),
    )
    login = server._page._login
    login.token = lambda session: TOKEN  # type: ignore[method-assign]
    login._by_address.wait = lambda key: 0.0  # type: ignore[method-assign]
    login._by_all.wait = lambda key: 0.0  # type: ignore[method-assign]
    return server


def _page(password: str | None) -> Callable[[Path], Feed]:
    def open_it(folder: Path) -> Feed:
        server = _server(folder, password)
        inner = server._server
        runner = asyncio.Runner()
        runner.get_loop().set_default_executor(_AtOnce())

        async def begin() -> None:
            server._page.broadcast.open()

        runner.run(begin())

        async def serve(content: bytes) -> bytes:
            connection, wire = _Connection(inner.config, inner.server_state, {}), _Wire()
            connection.connection_made(wire)
            connection.data_received(content)
            for _ in range(200):
                await asyncio.sleep(0)
                if not inner.server_state.tasks:
                    break
            connection.connection_lost(None)
            connection._unset_keepalive_if_required()
            if tasks := list(inner.server_state.tasks):
                _, waiting = await asyncio.wait(tasks, timeout=PATIENCE)
                assert not waiting, "a request is never done"
            return bytes(wire.sent)

        def feed(content: bytes) -> None:
            if not content:
                return  # the event loop never hands over nothing
            answer = runner.run(serve(content))
            assert not answer.startswith(b"HTTP/1.1 5"), answer[:200]
            if password is not None and password.encode() not in content:
                assert b'"token"' not in answer, "nobody gets in without the password"

        # The loop is held by what is fed, and ends with it.
        weakref.finalize(feed, runner.close)
        return feed

    return open_it


def _request(
    line: str, body: bytes = b"", *headers: str, host: str = "127.0.0.1:6050"
) -> bytes:
    lines = [f"{line} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines += [f"Origin: http://{host}", f"X-Harpi-Token: {TOKEN}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


_PATHS = (
    "/",
    "/login",
    "/api/hello",
    "/api/events",
    "/api/takes",
    "/api/takes?before=9",
    "/api/takes/1/trace",
    "/api/takes/1/trace?digest=1",
    "/api/evaluations",
    "/api/heads",
    "/static/app.js",
    "/nowhere",
)


def _seeds() -> list[bytes]:
    digits = "9" * 30
    return [
        *(_request(f"GET {path}") for path in _PATHS),
        _request("POST /api/files", b'{"name":"../a.csv","size":3}'),
        _request("POST /api/files", b'{"name":"\\u0000","size":-1}'),
        _request("POST /api/files/x/look", b"{}"),
        _request("POST /api/parts/x?at=0", b"abc"),
        _request("GET /api/export?takes=1,x"),
        _request("HEAD /"),
        _request("OPTIONS *"),
        _request(f"GET /api/takes?before={digits}"),
        _request(f"GET /api/takes?before={LONG_NUMBER.decode()}"),
        _request("GET /api/takes?before=-1&before=%00"),
        _request(f"GET /api/takes/{digits}/trace"),
        _request(f"GET /api/takes/{LONG_NUMBER.decode()}/trace"),
        _request("GET /api/takes/\u00b2/trace"),
        _request("GET /api/takes/%D9%A1/trace"),
        _request("GET /static/%00"),
        _request("GET /static/" + "a" * 300),
        _request("GET /static/%2e%2e/%2e%2e/etc/passwd"),
        _request("GET /static/..%c0%af"),
        _request("GET http://[::1/"),
        _request("POST /api/command", b'{"command":"stop"}'),
        _request("POST /api/command", b'{"x":' + nested()),
        _request("POST /api/command", b"\xff" * 5000),
        _request("POST /api/login", b'{"password":"correct horse"}'),
        _request("POST /api/login", b'{"password":"\\ud800"}'),
        _request("POST /api/logout", b"{}"),
        _request("POST /api/command").replace(
            b"\r\n\r\n", b"\r\nOrigin: http://[::1\r\nContent-Type: application/json\r\n\r\n"
        ),
        _request("GET /", host="[::1"),
        _request("GET /", host="[fe80::1%25eth0]:6050"),
        _request("GET /", b"", 'Cookie: harpi_6050="\\377\\0"; a=b; $Version=1'),
        _request("GET /api/hello", b"", "Authorization: Bearer \xff\xfe"),
        _request("GET /api/hello", b"", f"Authorization: Bearer {PASSWORD}"),
        _request("POST /api/command", b"", "Transfer-Encoding: chunked") + b"ffffffff\r\n{",
        _request("GET /api/hello") * 3,
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"A" * 17000,
    ]


_WORDS = (
    *(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode() for path in _PATHS[:9]),
    b"POST /api/command HTTP/1.1\r\n",
    b"POST /api/login HTTP/1.1\r\n",
    b"Origin: http://localhost\r\n",
    b"Content-Type: application/json\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Sec-Fetch-Site: same-origin\r\n",
    b"Cookie: harpi_6050=",
    b"Authorization: Bearer ",
    b"\r\n\r\n",
    b"%00",
    b"?before=",
    *WORDS,
)

TARGETS = [
    Target(
        "page",
        "requests to the page, as bytes on the wire",
        _page(None),
        _seeds,
        _WORDS,
        largest=8192,
        share=0.3,
    ),
    Target(
        "login",
        "requests to a page with a password",
        _page(PASSWORD),
        _seeds,
        _WORDS,
        largest=8192,
        share=0.3,
    ),
]
