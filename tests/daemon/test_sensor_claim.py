"""One program at a time has the sensor."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi.daemon import Daemon
from harpi.daemon.sensor import SensorClaim
from harpi.errors import AlreadyRunning
from tests.support.device import device_config


def test_a_second_claim_is_refused_until_the_first_is_released(tmp_path: Path) -> None:
    config = device_config(tmp_path)
    first = SensorClaim(config)
    with pytest.raises(AlreadyRunning, match="another program of harpi uses the sensor"):
        SensorClaim(config)
    first.release()
    first.release()
    SensorClaim(config)


def test_a_folder_that_cannot_be_used_keeps_nobody_away(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    SensorClaim(device_config(tmp_path)).release()


def test_a_daemon_does_not_take_a_sensor_that_is_being_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoBus:
        def __init__(self, number: int) -> None: ...

        def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
            raise AssertionError("the sensor is another's")

        def close(self) -> None: ...

    monkeypatch.setattr("harpi.daemon.daemon.SmbusBus", NoBus)
    config = device_config(tmp_path)
    doctor = SensorClaim(config)
    with pytest.raises(AlreadyRunning):
        Daemon(config).start()
    doctor.release()
