from __future__ import annotations

import os
import signal

import pytest

from harpi.cli.terminal import StopFlag

NUMBERS = [signal.SIGINT, signal.SIGTERM]


class Removed:
    """Something that is removed at the moment when the person at the terminal presses."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_an_exception_would_be_lost_in_loses_nothing(number: signal.Signals) -> None:
    with StopFlag() as ending:
        thing = Removed(number)
        assert not ending.asked
        del thing
        assert ending.asked


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with StopFlag():
        assert [signal.getsignal(number) for number in NUMBERS] != before
    assert [signal.getsignal(number) for number in NUMBERS] == before
