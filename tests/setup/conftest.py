from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk takes long, and matters to nobody where the power stays."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
