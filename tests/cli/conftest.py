from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def local_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A computer whose clock shows five and a half hours more than UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XXX-05:30")
        time.tzset()
        yield
    time.tzset()
