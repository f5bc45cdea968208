from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from harpi.timebase import SystemTime, to_utc


def test_the_system_time_ends_a_wait_when_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    assert SystemTime().wait(stop, 3600.0)


def test_a_wait_into_the_past_ends_at_once() -> None:
    assert not SystemTime().wait(threading.Event(), -1.0)


def test_the_system_time_never_goes_back() -> None:
    clock = SystemTime()
    assert clock.monotonic() <= clock.monotonic()


class Stopped:
    def monotonic(self) -> float:
        return 50.0

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return False


def test_a_moment_ten_seconds_ago_is_ten_seconds_ago_in_utc() -> None:
    earliest = datetime.now(UTC) - timedelta(seconds=10)
    moment = to_utc(40.0, Stopped())
    assert earliest <= moment <= datetime.now(UTC) - timedelta(seconds=10)
