"""What the daemon takes out of the signal, and when it forgets how the strap is turned."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harpi.commands import Mount
from harpi.config import Config
from harpi.daemon import Daemon
from harpi.daemon.sensor import PUT_ON_ANEW, AxisTransform
from harpi.files import write_document
from harpi.imu.calibration import FILE_NAME, Calibration, GyroCalibration
from harpi.imu.emulator import Chip, EmulatedBus, Playback, VirtualTime
from harpi.imu.mpu6050 import Mpu6050
from harpi.signal.gait import FILE_NAME as MOUNTING_FILE
from harpi.signal.gait import Mountings, read_mountings
from harpi.signal.orientation import any_rotations, turn
from harpi.types import Samples
from tests.signal.test_gait_mounting_file import PLACE, TURN
from tests.support.broker import wait_until
from tests.support.device import device_config, recording
from tests.support.fake_room import IDLE, event

NOW = datetime(2026, 7, 8, tzinfo=UTC)
ARM = IDLE.position
BLOCK = Samples(
    np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32), np.arange(10.0), gap=True
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A device whose strap was found to be turned."""
    config = device_config(tmp_path, device__position=ARM)
    mountings = Mountings().with_place(ARM, PLACE.turned_by(TURN, NOW))
    write_document(config.paths.state_folder / MOUNTING_FILE, mountings)
    return config


def heard(corrections: AxisTransform, **situation: object) -> None:
    corrections.hear(event(situation=msgspec.structs.replace(IDLE, **situation)))


def kept(config: Config) -> Mountings:
    return read_mountings(config.paths.state_folder / MOUNTING_FILE)


def test_the_strap_is_turned_back(config: Config) -> None:
    found = AxisTransform(config).turn(BLOCK)
    assert found.values == pytest.approx(turn(BLOCK.values, TURN))
    assert found.gap
    assert found.times is BLOCK.times


def test_without_a_calibration_the_signal_is_left_as_it_is(tmp_path: Path) -> None:
    corrections = AxisTransform(device_config(tmp_path))
    assert corrections.turn(BLOCK) is BLOCK
    assert corrections.calibration is None
    assert (corrections.notices, corrections.hints) == ((), ())


def test_another_place_has_another_strap(config: Config, tmp_path: Path) -> None:
    other = device_config(tmp_path, device__position="left_leg")
    assert AxisTransform(other).turn(BLOCK) is BLOCK


def test_the_first_take_changes_nothing(config: Config) -> None:
    corrections = AxisTransform(config)
    heard(corrections)
    heard(corrections, state="recording", session=4, label="walking")
    heard(corrections, session=4)
    assert corrections.turn(BLOCK) is not BLOCK
    assert corrections.hints == ()


@pytest.mark.parametrize(
    "then",
    [
        {"session": 4},
        {"session": 4, "position": "left_arm"},
        {"session": 4, "position": "left_arm", "state": "recording", "label": "walking"},
    ],
    ids=["put on anew", "put on elsewhere", "recorded elsewhere"],
)
def test_a_strap_that_was_put_on_anew_is_not_known_any_more(
    config: Config, then: dict[str, object]
) -> None:
    corrections = AxisTransform(config)
    heard(corrections)
    heard(corrections, **then)
    assert corrections.turn(BLOCK) is BLOCK
    if "position" not in then:
        assert corrections.hints == (PUT_ON_ANEW,)
        wait_until(lambda: kept(config).places[ARM].turned is None, "the file")
        assert kept(config).places[ARM].first == PLACE.first


@pytest.mark.parametrize("name", [FILE_NAME, MOUNTING_FILE])
def test_a_damaged_file_is_said_and_left_alone(config: Config, name: str) -> None:
    path = config.paths.state_folder / name
    path.write_bytes(b"{}")
    corrections = AxisTransform(config)
    (notice,) = corrections.notices
    assert str(path) in notice
    assert "harpi calibrate" in notice
    assert path.read_bytes() == b"{}"


def test_the_condition_says_what_is_taken_out(config: Config) -> None:
    time = VirtualTime()
    chip = Mpu6050(EmulatedBus({0x68: Chip(Playback(recording()), time)}, time), time)
    said = AxisTransform(config).condition(chip)
    assert (said.used, said.gyro, said.mounting) == (False, None, NOW)
    assert said.turned_degrees == pytest.approx(
        np.degrees(np.arccos((np.trace(TURN) - 1) / 2)), abs=1
    )


def test_a_daemon_sees_the_limb_and_the_chip_without_its_errors(tmp_path: Path) -> None:
    """Calibrated and turned it samples what it would, faultless and as it was."""
    rotation = any_rotations(1, np.random.default_rng(2))[0]

    def sampled(folder: Path, bias: tuple[float, ...], turned: np.ndarray | None) -> np.ndarray:
        time = VirtualTime()
        motion = Playback(recording(), rotation=turned)
        bus = EmulatedBus({0x68: Chip(motion, time, noise=False, bias=bias)}, time)
        config = device_config(folder, device__position=ARM)
        if turned is not None:
            probe = Mpu6050(bus, time)
            probe.start()
            gyro = GyroCalibration(made=NOW, temperature=25.0, bias=bias[3:])  # type: ignore[arg-type]
            state = config.paths.state_folder
            write_document(state / FILE_NAME, Calibration(chip=probe.fingerprint, gyro=gyro))
            back = PLACE.turned_by(turned.T, NOW)
            write_document(state / MOUNTING_FILE, Mountings().with_place(ARM, back))
            motion.start = time.monotonic()
        daemon = Daemon(config, bus=bus, timebase=time)
        daemon.open()
        daemon.play(8.0)
        if turned is not None:
            condition = daemon.condition()
            assert condition.calibration is not None
            assert condition.calibration.used
            daemon.session.command(Mount(), "test")
            assert PUT_ON_ANEW in daemon.condition().hints
        blocks, _ = daemon.ring.since(0)
        daemon.stop()
        return np.concatenate([block.values for block in blocks])

    plain = sampled(tmp_path / "plain", (0.0,) * 6, None)
    corrected = sampled(tmp_path / "turned", (0, 0, 0, 4.0, -3.0, 2.0), rotation)
    count = min(len(plain), len(corrected))
    assert corrected[:count, :3] == pytest.approx(plain[:count, :3], abs=0.02)
    assert corrected[:count, 3:] == pytest.approx(plain[:count, 3:], abs=1.5)
