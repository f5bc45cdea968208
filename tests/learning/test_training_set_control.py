from __future__ import annotations

import os
import threading

import pytest

from harpi.learning.training_set import NICE, Cancelled, CancelToken, yield_to_others

PATIENCE = 20.0


def test_work_that_is_not_paused_passes_its_checkpoints() -> None:
    CancelToken().checkpoint()


def test_work_rests_until_it_may_go_on() -> None:
    control = CancelToken()
    control.pause()
    passed = threading.Event()

    def work() -> None:
        control.checkpoint()
        passed.set()

    thread = threading.Thread(target=work)
    thread.start()

    assert not passed.is_set()
    control.resume()

    assert passed.wait(PATIENCE)
    thread.join()


@pytest.mark.parametrize("paused", [False, True])
def test_work_is_broken_off_even_while_it_rests(paused: bool) -> None:
    control = CancelToken()
    if paused:
        control.pause()

    control.cancel()

    with pytest.raises(Cancelled):
        control.checkpoint()


def test_a_thread_that_yields_leaves_the_others_their_priority() -> None:
    seen: list[tuple[int, int]] = []

    def look() -> None:
        yield_to_others()
        own = threading.get_native_id()
        seen.append((os.getpriority(os.PRIO_PROCESS, own), os.sched_getscheduler(own)))

    before = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == [(NICE, os.SCHED_BATCH)]
    assert (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)) == before
