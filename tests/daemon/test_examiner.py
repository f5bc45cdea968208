"""Evaluations in processes of their own, with the configuration of the daemon."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harpi import child
from harpi.commands import Evaluate, Event, Record, Stop
from harpi.config import Config
from harpi.daemon import Daemon
from harpi.daemon.examiner import Examiner
from harpi.errors import StoreError
from harpi.evaluation.runs import FILE_NAME, RunLog
from harpi.imu.emulator.virtual_time import VirtualTime
from harpi.publish.messages import LoggedEvaluation
from harpi.timebase import SystemTime
from tests.support.broker import Broker, listening, running, wait_until
from tests.support.command import harpi
from tests.support.device import device_config, emulated

PATIENCE = 120.0


class Ending:
    """Waits for the end of an evaluation."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._failure: str | None = None

    def __call__(self, failure: str | None) -> None:
        self._failure = failure
        self._ended.set()

    def wait(self) -> str | None:
        assert self._ended.wait(PATIENCE)
        return self._failure


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return device_config(tmp_path)


@pytest.fixture
def device(config: Config) -> Iterator[Daemon]:
    """A device that was taught nothing and has two test takes."""
    timebase = VirtualTime(start=1000.0)
    daemon = Daemon(config, bus=emulated(timebase), timebase=timebase)
    daemon.open()
    daemon.play(3.0)
    for label in ("one", "two"):
        assert daemon.session.command(Record(label=label, test=True), "test").ok
        daemon.play(14.0)
        assert daemon.session.command(Stop(), "test").ok
    yield daemon
    daemon.stop()


def test_what_is_asked_for_is_logged_and_told(
    device: Daemon, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process must see the settings of the daemon, not those of its surroundings.
    monkeypatch.setenv("HARPI_PATHS__STATE", "/nowhere")
    heard: list[Event] = []
    ended = threading.Event()

    def listen(event: Event) -> None:
        heard.append(event)
        if event.kind == "notice":
            ended.set()

    device.session.subscribe(listen)
    assert device.session.command(Evaluate(), "test").ok
    assert ended.wait(PATIENCE)

    found = heard[-1].evaluation
    assert found is not None, heard[-1].message
    assert heard[-1].message.startswith("Run 1: kNN ")
    (report,) = RunLog(config.paths.state_folder / FILE_NAME).read().reports
    assert (found.run, found.takes, found.windows) == (1, 2, report.windows)
    assert found.scores.keys() == {"knn", "generic", "answer"}
    knn = report.model("knn")
    assert knn is not None
    assert knn.every is not None
    assert found.scores["knn"].accuracy == pytest.approx(knn.every.accuracy.value, abs=1e-4)
    assert not heard[-1].situation.evaluating
    assert len(heard) == 2  # the answer, and what came of it


def test_a_run_of_somebody_else_is_news_once(device: Daemon, config: Config) -> None:
    done = harpi("evaluate", "--json", "--set", f"paths.state={config.paths.state_folder}")
    assert done.returncode == 0, done.stderr
    heard: list[Event] = []
    device.session.subscribe(heard.append)
    device.session.look_at_runs()
    device.session.look_at_runs()
    (event,) = heard
    assert event.evaluation is not None
    assert event.evaluation.run == 1


def test_the_runs_of_earlier_days_are_no_news(device: Daemon, config: Config) -> None:
    done = harpi("evaluate", "--json", "--set", f"paths.state={config.paths.state_folder}")
    assert done.returncode == 0, done.stderr
    later = Examiner(config)
    later.open()
    assert later.news() == []


def test_why_it_cannot_be_done_is_told_in_the_words_of_the_command(config: Config) -> None:
    ending = Ending()
    tester = Examiner(config)
    tester.open()
    tester.begin(ending)
    failure = ending.wait()
    assert failure is not None
    assert failure.startswith("there are no test takes")
    assert tester.news() == []


def test_no_program_is_taken_from_the_current_folder(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("harpi", "typer", "msgspec", "json", "sitecustomize"):
        (here / f"{name}.py").write_text(f"open('{here}/run-{name}', 'w')")
    monkeypatch.chdir(here)
    one, ending = Examiner(config), Ending()
    one.begin(ending)
    assert ending.wait() is not None  # there are no takes
    one.close()
    assert list(here.glob("run-*")) == []


def test_it_can_be_broken_off_and_the_end_waits_for_that(config: Config) -> None:
    ending = Ending()
    tester = Examiner(config)
    tester.begin(ending)
    tester.close()
    assert ending.wait() is not None
    tester.cancel()


def test_it_yields_and_goes_first_when_memory_runs_out(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = child.start

    def watched(*how: Any) -> object:
        started.append(start(*how))
        return started[-1]

    monkeypatch.setattr(child, "start", watched)
    ending = Ending()
    tester = Examiner(config)
    tester.begin(ending)
    about = Path(f"/proc/{started[0].pid}")
    assert about.joinpath("oom_score_adj").read_text().strip() == "1000"
    assert os.getpgid(started[0].pid) != os.getpgid(0)
    tester.close()


def test_where_it_cannot_be_started_it_says_so(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_how: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(child, "start", refuse)
    with pytest.raises(StoreError, match="cannot be started \\(Cannot allocate memory\\)"):
        Examiner(config).begin(Ending())


@pytest.mark.broker
def test_what_the_command_line_finds_beside_the_daemon_reaches_the_broker(
    device: Daemon, tmp_path: Path
) -> None:
    device.stop()
    with running(Broker(tmp_path)) as broker, listening(broker) as ear:
        settings = {"mqtt__enabled": True, "mqtt__host": broker.host, "mqtt__port": broker.port}
        config = device_config(tmp_path, socket__enabled=True, **settings)
        timebase = SystemTime()
        with Daemon(config, bus=emulated(timebase), timebase=timebase):
            paths = (f"paths.state={tmp_path}/state", f"paths.runtime={tmp_path}/run")
            done = harpi("evaluate", *(f"--set={path}" for path in paths))
            assert done.returncode == 0, done.stderr
            wait_until(
                lambda: any(b"evaluation" in one for one in ear.of("history")), "a result"
            )
    (payload,) = [one for one in ear.of("history") if b"evaluation" in one]
    logged = msgspec.json.decode(payload, type=LoggedEvaluation)
    assert (logged.evaluation.run, logged.evaluation.takes) == (1, 2)


def test_a_temporary_folder_that_cannot_be_made_is_told_in_words(
    device: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    answer = device.session.command(Evaluate(), "test")
    assert not answer.ok
    assert "the evaluation cannot be started (No such file or directory)" in answer.message
    assert "TMPDIR" in answer.message
    assert not answer.situation.evaluating
