"""Work in the background ends with its result or its error."""

from __future__ import annotations

import threading

import pytest

from harpi.daemon.background import Background
from harpi.errors import ModelError


def test_the_result_is_waited_for() -> None:
    gate = threading.Event()

    def work() -> str:
        gate.wait(10.0)
        return "done"

    background = Background(work)
    gate.set()
    assert background.result() == "done"


def test_an_error_reaches_whoever_asks_for_the_result() -> None:
    def fail() -> None:
        raise ModelError("no")

    background = Background(fail)
    background.wait()
    with pytest.raises(ModelError, match="no"):
        background.result()
