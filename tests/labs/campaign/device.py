"""`harpi run` as a process on the emulated chip, to be troubled from outside."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harpi.commands import Answer, Command, Record, Stop, Train
from harpi.controls.client import Client
from harpi.errors import ControlError
from harpi.learning.heads import HeadRegistry
from harpi.learning.models import HEADS
from harpi.publish.messages import Condition
from harpi.store.store import FILE_NAME, Store
from tests.support.broker import wait_until
from tests.support.command import HARPI, environment
from tests.support.device import recording_path
from tests.support.takes import ROOMY

PATIENCE = 120.0
"""Seconds after which a campaign gives up on something that takes one or two."""


class Device:
    """One daemon, that can be ended in any way and started again.

    Args:
        folder: where all its files are; its name is short, for the socket.
        settings: that differ from their defaults.

    Attributes:
        environment: more variables for the next start.
        state: folder of what it keeps.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.environment: dict[str, str] = {}
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        given = {
            "device.id": "arm",
            "log.format": "json",
            "mqtt.enabled": "false",
            "learning.labels": '["walking", "sitting"]',
            "learning.epochs": 20,
            "store.keep_free_mb": 0,
            "paths.state": self.state,
            "paths.runtime": folder / "run",
            **{key.replace("__", "."): value for key, value in settings.items()},
        }
        self._words = ["run", "--emulate", str(recording_path())]
        for key, value in given.items():
            self._words += ["--set", f"{key}={value}"]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> float:
        """Start it, and wait for its first verdict; give the seconds that took."""
        begun = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*HARPI, *self._words], env=environment(**self.environment), stderr=log
            )
        wait_until(self._judges, "the first verdict", PATIENCE, 0.05)
        return time.monotonic() - begun

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; wait for its end where it ends it."""
        assert self._process is not None
        self._process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait(PATIENCE)
            self._process = None

    def end(self) -> None:
        """End it in peace, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def ask(self, command: Command) -> Answer:
        with Client(self.folder / "run") as client:
            return client.ask(command)

    def condition(self) -> Condition:
        with Client(self.folder / "run") as client:
            return client.examine(Condition)

    def records(self, label: str, seconds: float = 6.0) -> Answer:
        """Record a take; give the answer to its end, or to its beginning where it had none."""
        begun = self.ask(Record(label=label))
        if not begun.ok:
            return begun
        time.sleep(seconds)
        return self.ask(Stop())

    def trains(self) -> str:
        """Train; give what is said at its end."""
        with Client(self.folder / "run") as client:
            client.begin_to_follow()
            answer = self.ask(Train())
            if not answer.ok:
                return answer.message
            return next(event.message for event in client.events() if event.outcome)

    def kept(self) -> dict[int, str]:
        """Give the digests of the takes that are kept, by their numbers."""
        with Store(self.state / FILE_NAME, ROOMY, read_only=True) as store:
            return {t.id: t.digest for t in store.takes() if "interrupted" not in t.flags}

    def head(self) -> int | None:
        """Give the number of the head in use."""
        return HeadRegistry(self.state / HEADS).current

    def warnings(self) -> list[str]:
        """Give the warnings and errors that were logged so far."""
        lines = self._log.read_text(errors="replace").splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return [e["message"] for e in entries if e["level"] in ("warning", "error")]

    def tracebacks(self) -> int:
        return self._log.read_text(errors="replace").count("Traceback")

    def comes_back(self, condition: Callable[[], object], what: str) -> float:
        """Wait for something; give the seconds that took."""
        begun = time.monotonic()
        wait_until(condition, what, PATIENCE, 0.02)
        return time.monotonic() - begun

    def _judges(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(errors="replace")
        try:
            return self.condition().health.recognition.windows > 0
        except ControlError:
            return False


@contextmanager
def device(**settings: object) -> Iterator[Device]:
    """A device that is not started yet; nothing is left of it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="harpi-"))
    one = Device(folder, **settings)
    try:
        yield one
    finally:
        if one.running:
            one.signal(signal.SIGKILL)  # ends a stopped one, too
        shutil.rmtree(folder)
