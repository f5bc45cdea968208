"""No thread dies unseen: faults are told and counted, work begins anew, or the process ends."""

from __future__ import annotations

import logging
import threading

import pytest

from harpi import supervisor
from harpi.errors import ThreadFailed
from harpi.supervisor import MOST_IN_A_ROW, SPAN_SECONDS, Supervisor
from tests.support.broker import wait_until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.002)
    monkeypatch.setattr(logging.getLogger("harpi"), "propagate", True)


class Work:
    """Fails some times, then works until it is told to end."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.begun = 0
        self.end = threading.Event()

    def __call__(self) -> None:
        self.begun += 1
        if self.failures:
            raise self.failures.pop(0)
        self.end.wait(10.0)


@pytest.mark.parametrize(
    "fault", [MemoryError(), RuntimeError("odd"), SystemExit(1), KeyboardInterrupt()]
)
def test_work_that_failed_begins_anew_whatever_it_was(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    watch, work = Supervisor(), Work(fault)
    thread = watch.thread(work, "worker")
    thread.start()
    wait_until(lambda: work.begun == 2, "it began anew")
    assert thread.is_alive()
    work.end.set()
    thread.join()
    assert watch.counts() == {"worker": 1}
    (problem,) = watch.problems()
    assert "worker" in problem
    assert type(fault).__name__ in problem
    assert "Traceback" in caplog.text
    assert "raise self.failures.pop(0)" in caplog.text


def test_a_fault_that_is_not_repeated_is_forgotten_and_one_that_lasts_is_not() -> None:
    now = 0.0
    watch = Supervisor(clock=lambda: now)
    for fault in ("once", "again"):
        watch.report("lamp", RuntimeError(fault))
        now += SPAN_SECONDS - 1
        assert "lamp" in watch.problems()[0]
    now += 2
    assert watch.problems() == ()
    assert watch.counts() == {"lamp": 2}


def test_a_fault_at_every_step_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    watch = Supervisor(clock=lambda: 0.0)
    for _ in range(100):
        watch.report("lamp", RuntimeError("no"))
    assert len(caplog.records) == 1
    assert "100 times" in watch.problems()[0]


def test_the_process_ends_where_a_vital_thread_fails_again_and_again() -> None:
    over = threading.Event()
    watch = Supervisor(over.set)
    work = Work(*[MemoryError()] * 100)
    thread = watch.thread(work, "heart", vital=True)
    thread.start()
    assert over.wait(10.0)
    thread.join()
    assert work.begun == MOST_IN_A_ROW
    assert isinstance(watch.given_up, ThreadFailed)
    assert watch.given_up.exit_code == 12
    assert "heart" in str(watch.given_up)


def test_a_thread_that_is_not_vital_is_never_given_up() -> None:
    watch, work = Supervisor(), Work(*[MemoryError()] * (3 * MOST_IN_A_ROW))
    thread = watch.thread(work, "lamp")
    thread.start()
    wait_until(lambda: not work.failures, "it has gone on")
    work.end.set()
    thread.join()
    assert watch.given_up is None


def test_who_is_waited_for_does_not_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 1e6)
    watch, work = Supervisor(), Work(RuntimeError("no"))
    thread = watch.thread(work, "worker")
    thread.start()
    wait_until(watch.counts, "it failed")
    thread.join()
    assert work.begun == 1


def test_work_for_once_is_told_of_and_not_repeated() -> None:
    watch, work = Supervisor(), Work(RuntimeError("no"))
    thread = watch.thread(work, "client", once=True)
    thread.start()
    wait_until(lambda: not thread.is_alive(), "it ended")
    assert (work.begun, watch.counts()) == (1, {"client": 1})


def test_threads_of_libraries_are_seen_too() -> None:
    before = threading.excepthook
    with Supervisor() as watch:
        other = threading.Thread(target=Work(ValueError("in a library")), name="library")
        other.start()
        other.join()
    assert watch.counts() == {"library": 1}
    assert threading.excepthook is before
