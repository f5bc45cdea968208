from __future__ import annotations

import threading

import pytest

from harpi.imu.emulator import VirtualTime


def test_a_wait_passes_at_once() -> None:
    time = VirtualTime(start=5.0)
    assert not time.wait(threading.Event(), 3600.0)
    assert time.monotonic() == 3605.0


def test_a_wait_for_a_set_event_takes_no_time() -> None:
    time, stop = VirtualTime(), threading.Event()
    stop.set()
    assert time.wait(stop, 10.0)
    assert time.monotonic() == 0.0


def test_a_wait_for_a_moment_in_the_past_takes_no_time() -> None:
    time = VirtualTime()
    time.wait(threading.Event(), -1.0)
    assert time.monotonic() == 0.0


@pytest.mark.parametrize("seconds", [-0.1, float("nan")])
def test_time_does_not_go_back(seconds: float) -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        VirtualTime().advance(seconds)


def test_no_advance_is_lost_between_threads() -> None:
    time = VirtualTime()
    threads = [
        threading.Thread(target=lambda: [time.advance(1.0) for _ in range(2000)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() == 8000.0
