"""Brokers for the tests of what goes out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harpi.publish import link
from tests.support.broker import Broker, running


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(Broker(tmp_path)) as one:
        yield one


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a link try again at once."""
    monkeypatch.setattr(link, "FIRST_RETRY_SECONDS", 0.05)
