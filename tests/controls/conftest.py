from pathlib import Path

import pytest

from harpi.controls.gpio import RpiGpio
from harpi.imu.emulator import VirtualTime
from tests.support.fake_gpio import FakeRpiGpio, install
from tests.support.fake_room import FakeRoom


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime(1000.0)


@pytest.fixture
def pins(time: VirtualTime, monkeypatch: pytest.MonkeyPatch) -> FakeRpiGpio:
    """The pins as hardware has them."""
    return install(monkeypatch, time.advance)


@pytest.fixture
def gpio(pins: FakeRpiGpio, tmp_path: Path) -> RpiGpio:
    """The pins as harpi has them."""
    return RpiGpio(tmp_path)


@pytest.fixture
def room() -> FakeRoom:
    return FakeRoom()
