"""From samples to verdicts: every window once, and what happens under overload."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import numpy as np
import pytest

from harpi.daemon.recognition import BACKLOG_SECONDS, Judge, Recognition
from harpi.errors import ModelError
from harpi.signal.ring import Ring
from harpi.signal.windows import WindowMaker
from harpi.types import Samples, Verdict, Window
from tests.support.broker import wait_until

RATE = 25.0
LENGTH = 64
HOP = 16


def verdict(window: Window) -> Verdict:
    return Verdict(window, {}, {})


def make(
    judge: Judge = verdict,
    ring_seconds: float = 30.0,
    tell: Callable[[Verdict], None] = lambda verdict: None,
) -> Recognition:
    return Recognition(
        Ring(ring_seconds, RATE),
        WindowMaker(RATE, RATE, LENGTH, HOP),
        judge,
        tell,
        input_rate=RATE,
        window_seconds=LENGTH / RATE,
    )


def signal(begin: int, count: int, *, gap: bool = False) -> Samples:
    """Samples whose every value is the number of the sample."""
    numbers = np.arange(begin, begin + count)
    values = np.repeat(numbers[:, None], 6, axis=1).astype(np.float32)
    return Samples(values, numbers / RATE, gap=gap)


def starts(verdicts: list[Verdict]) -> list[int]:
    return [round(verdict.window.start * RATE) for verdict in verdicts]


@pytest.mark.parametrize("block", [1, 7, 16, 100])
def test_every_hop_gives_a_verdict_however_the_samples_come(block: int) -> None:
    seen: list[Verdict] = []
    recognition = make(tell=seen.append)
    for begin in range(0, 320, block):
        recognition.feed(signal(begin, min(block, 320 - begin)))
        recognition.work()
    assert starts(seen) == list(range(0, 320 - LENGTH + 1, HOP))
    assert recognition.windows == len(seen)


def test_no_window_spans_a_gap() -> None:
    seen: list[Verdict] = []
    recognition = make(tell=seen.append)
    recognition.feed(signal(0, 100))
    recognition.work()
    recognition.feed(signal(500, 100, gap=True))
    recognition.work()
    assert starts(seen) == [0, 16, 32, 500, 516, 532]


def test_who_falls_behind_skips_the_oldest_and_counts_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("harpi"), "propagate", True)
    seen: list[Verdict] = []
    recognition = make(tell=seen.append)
    recognition.feed(signal(0, 10))
    recognition.work()
    recognition.feed(signal(10, 490))
    recognition.work()
    kept = round((BACKLOG_SECONDS + LENGTH / RATE) * RATE)
    assert recognition.skipped == 490 - kept
    assert starts(seen)[0] == 500 - kept
    assert "too slow: 301 samples skipped" in caplog.text


def test_a_ring_shorter_than_the_backlog_is_counted_too() -> None:
    recognition = make(ring_seconds=3.0)
    recognition.feed(signal(0, 200))
    recognition.work()
    assert recognition.skipped == 125


def test_a_model_that_refuses_windows_is_said_once_and_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("harpi"), "propagate", True)

    def refuse(_window: Window) -> Verdict:
        raise ModelError("not like this")

    recognition = make(refuse)
    recognition.feed(signal(0, 160))
    recognition.work()
    assert (recognition.windows, recognition.failed) == (0, 7)
    assert caplog.text.count("not like this") == 1


def test_the_thread_works_while_fed_and_ends_when_told() -> None:
    seen: list[Verdict] = []
    recognition = make(tell=seen.append)
    recognition.start()
    recognition.feed(signal(0, 100))
    wait_until(lambda: len(seen) == 3, "three verdicts")
    recognition.feed(signal(100, 100))
    wait_until(lambda: len(seen) == 9, "nine verdicts")
    recognition.stop()
    assert "recognition" not in {thread.name for thread in threading.enumerate()}


def test_feeding_does_not_wait_for_a_slow_model() -> None:
    slow = threading.Event()

    def wait(window: Window) -> Verdict:
        slow.wait(10.0)
        return verdict(window)

    recognition = make(wait)
    recognition.start()
    for begin in range(0, 1000, 10):
        recognition.feed(signal(begin, 10))
    assert recognition.windows == 0
    slow.set()
    wait_until(lambda: recognition.windows > 0, "the model goes on")
    recognition.stop()
