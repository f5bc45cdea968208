"""A page without a daemon behind it: a room with nobody in it, a ring, a store."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harpi.config.loading import build
from harpi.diary.keeper import Keeper
from harpi.diary.store import FILE_NAME as DIARY_FILE
from harpi.errors import StoreError
from harpi.evaluation.runs import FILE_NAME
from harpi.imu.emulator import VirtualTime
from harpi.learning.heads import HeadRegistry
from harpi.publish.messages import (
    Condition,
    Health,
    LinkFigures,
    RecognitionFigures,
    SensorFigures,
)
from harpi.signal.ring import Ring
from harpi.store.store import Store
from harpi.web.messages import Sources
from harpi.web.server import WebServer
from tests.support.browser import PHONE, Tab, browser
from tests.support.fake_room import FakeRoom
from tests.support.models import tiny_base
from tests.support.takes import ROOMY
from tests.web.scenario import free_port

RATE = 50


def condition(**what: Any) -> Condition:
    return Condition(
        **what,
        device="arm",
        health=Health(
            time=datetime.now(UTC),
            version="1.0",
            uptime_s=1.0,
            sensor=SensorFigures(
                state="running",
                chip="MPU-6050",
                rate_hz=50.0,
                jitter_ms=0.1,
                clock_ppm=0.0,
                samples=50,
                lost=0,
                gaps=0,
                recoveries=0,
                bus_share=0.01,
                temperature_c=25.0,
            ),
            recognition=RecognitionFigures(windows=1, skipped=0, failed=0),
            mqtt=LinkFigures(sent=0, dropped=0, connections=0),
            models={},
        ),
    )


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Served:
    """A page that is served, and what is behind it; requests go to it as from a browser."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.port = free_port()
        self.room = FakeRoom()
        self.ring = Ring(10, RATE)
        self.time = VirtualTime(1000.0)
        self.store: Store | StoreError = Store(folder / "takes.db", ROOMY)
        self.config = build(
            {
                "device.id": "arm",
                "web.enabled": True,
                "web.port": self.port,
                "paths.state": str(folder),
                "paths.runtime": str(folder / "run"),
                **{key.replace("__", "."): value for key, value in settings.items()},
            }
        )
        self.keeper = Keeper(
            self.config.diary, folder / DIARY_FILE, self.time, models=lambda: "base 1.1"
        )
        self.evaluations = folder / FILE_NAME
        self.shelf = HeadRegistry(folder / "heads")
        self.server: WebServer | None = None
        self.cookie = ""
        self.token = ""

    def start(self) -> None:
        self.server = WebServer(
            self.config,
            Sources(
                room=self.room,
                ring=self.ring,
                store=self.store,
                condition=lambda: condition(),
                evaluations=self.evaluations,
                shelf=self.shelf,
                base=tiny_base(),
                timebase=self.time,
                keeper=self.keeper,
            ),
        )
        self.server.start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
        if isinstance(self.store, Store):
            self.store.close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        content: object = None,
        *,
        method: str | None = None,
        without: tuple[str, ...] = (),
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Send what the page would send, with some headers changed or left out."""
        sent = {"Cookie": self.cookie} if self.cookie else {}
        if content is not None or body is not None:
            body = json.dumps(content).encode() if body is None else body
            sent |= {
                "Content-Type": "application/json",
                "Origin": self.origin,
                "X-Harpi-Token": self.token,
            }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if name not in without}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
            answer = connection.getresponse()
            given = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, given, answer.read())
        finally:
            connection.close()

    def greet(self) -> None:
        """Learn the token, as the page does first of all."""
        self.token = self.ask("/api/hello").json["token"]

    def log_in(self, password: str) -> Answer:
        answer = self.ask("/api/login", {"password": password})
        if answer.status == 204:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def look(self) -> Look:
        return Look(self)


class Look:
    """One viewer of the events; reads only when it is told to."""

    def __init__(self, served: Served) -> None:
        self._socket = socket.create_connection(("127.0.0.1", served.port), timeout=10)
        request = f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        self._socket.sendall(f"{request}Cookie: {served.cookie}\r\n\r\n".encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])

    def next(self) -> tuple[str, Any]:
        """Wait for the next event."""
        while not (line := self._file.readline()).startswith(b"event:"):
            assert line, "the stream has ended"
        name = line.split()[1].decode()
        return name, json.loads(self._file.readline().partition(b" ")[2])

    def wait_for(self, name: str) -> Any:
        while (found := self.next())[0] != name:
            pass
        return found[1]

    def ended(self) -> bool:
        """Read on to the end, if it comes."""
        try:
            return self._file.read() is not None
        except TimeoutError:
            return False

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture(scope="session")
def open_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Tab]]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def tab(open_tab: Callable[[], Tab]) -> Iterator[Tab]:
    """A tab on a phone, in which nothing may have gone wrong at the end.

    A test names it after the page, so that it is closed before the page ends.
    """
    fresh = open_tab()
    fresh.be(PHONE)
    yield fresh
    fresh.close()
    assert fresh.complaints == []


@pytest.fixture
def make_served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def make(**settings: Any) -> Served:
        served = Served(tmp_path, **settings)
        made.append(served)
        served.start()
        return served

    yield make
    for served in made:
        served.stop()


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    page = Served(tmp_path_factory.mktemp("page"))
    page.start()
    page.greet()
    yield page
    page.stop()


@pytest.fixture
def served(open_page: Served) -> Served:
    """A page for this computer alone, without a password; the same one for a module."""
    open_page.room.commands.clear()
    open_page.room.answer.clear()
    return open_page


@pytest.fixture
def guarded(make_served: Callable[..., Served], tmp_path: Path) -> Served:
    """A page with a password, in nobody's browser yet."""
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    file.chmod(0o600)
    return make_served(web__password_file=str(file))
