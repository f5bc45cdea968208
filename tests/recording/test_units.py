"""What the numbers of a file are in, judged by gravity and by how it turns."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.errors import RecordingError
from harpi.recording import Recording, Understood, read_understood
from harpi.recording.units import scale_of
from tests.support import files

RAD = np.pi / 180.0
WHOLE = np.zeros(1000, np.int32)


def read(
    path: Path, values: files.Values, header: str = files.HEADER
) -> tuple[Recording, Understood]:
    path = files.write(path, files.rows(values), header.removesuffix(",label"))
    (recording,), understood = read_understood(path)
    return recording, understood


def scaled(acc: float, gyro: float, values: files.Values | None = None) -> files.Values:
    values = files.motion() if values is None else values
    return np.hstack([values[:, :3] * acc, values[:, 3:] * gyro])


def factor(error: RecordingError) -> float:
    """The number that the remedy says to multiply by."""
    found = re.search(r"by ([\d.]+),", error.remedy)
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("acc", [1.0, 9.80665, 1000.0])
@pytest.mark.parametrize("gyro", [1.0, RAD, 1000.0])
@pytest.mark.parametrize("source", [files.motion, files.turning])
def test_units_of_both_sensors_are_told_and_converted(
    tmp_path: Path, acc: float, gyro: float, source: object
) -> None:
    values = source()  # type: ignore[operator]
    recording, understood = read(tmp_path / "r.csv", scaled(acc, gyro, values))
    assert recording.values == pytest.approx(values, abs=2e-4, rel=1e-4)
    converted = [note for note in understood.notes if "converted" in note]
    assert len(converted) == (acc != 1.0) + (gyro != 1.0)


@given(
    acc=st.sampled_from([1.0, 9.80665, 1000.0]),
    gyro=st.sampled_from([1.0, RAD, 1000.0]),
    off=st.floats(0.93, 1.07),
)
@settings(max_examples=20, deadline=None)
def test_a_sensor_that_is_not_calibrated_is_understood_as_well(
    acc: float, gyro: float, off: float
) -> None:
    values = (files.turning() * ([acc * off] * 3 + [gyro * off] * 3)).astype(np.float32)
    scale = scale_of(values[:, :3], values[:, 3:], 50.0, WHOLE)
    assert (scale.acc_per_g, scale.gyro_per_deg_s) == (acc, pytest.approx(gyro))
    assert scale.checked
    assert not scale.problem


@pytest.mark.parametrize("per_g", [16384, 8192, 4096, 2048])
@pytest.mark.parametrize("per_deg_s", [131.0, 65.5, 32.8, 16.4])
def test_counts_of_the_chip_are_converted_where_gravity_shows_their_scale(
    per_g: float, per_deg_s: float
) -> None:
    counts = np.rint(scaled(per_g, per_deg_s, files.turning())).astype(np.float32)
    scale = scale_of(counts[:, :3], counts[:, 3:], 50.0, WHOLE)
    assert (scale.acc_per_g, scale.gyro_per_deg_s) == (per_g, per_deg_s)


def test_counts_of_which_nothing_shows_the_scale_are_refused_with_the_factors(
    tmp_path: Path,
) -> None:
    with pytest.raises(RecordingError, match=r"in counts.*Divide by 131.*65\.5, 32\.8"):
        read(tmp_path / "r.csv", np.rint(scaled(16384, 131)))


@pytest.mark.parametrize("wrong", [0.25, 0.5, 2.0, 4.0])
def test_a_wrong_full_scale_of_the_accelerometer_is_refused_with_the_factor(
    tmp_path: Path, wrong: float
) -> None:
    with pytest.raises(RecordingError, match="and not 1 g") as caught:
        read(tmp_path / "r.csv", scaled(wrong, 1.0))
    assert factor(caught.value) == pytest.approx(1 / wrong, rel=0.05)


@pytest.mark.parametrize("wrong", [0.25, 0.4, 2.5, 4.0])
def test_a_wrong_full_scale_of_the_gyroscope_is_refused_with_the_factor(
    tmp_path: Path, wrong: float
) -> None:
    with pytest.raises(RecordingError, match="times what gravity turns by") as caught:
        read(tmp_path / "r.csv", scaled(1.0, wrong, files.turning()))
    assert factor(caught.value) == pytest.approx(1 / wrong, rel=0.05)


def test_what_the_header_says_is_taken_where_gravity_does_not_deny_it(tmp_path: Path) -> None:
    header = "time,ax (m/s^2),ay (m/s^2),az (m/s^2),gx (rad/s),gy (rad/s),gz (rad/s)"
    recording, understood = read(tmp_path / "r.csv", scaled(9.80665, RAD), header)
    assert recording.values == pytest.approx(files.motion(), abs=2e-4, rel=1e-4)
    assert (understood.acceleration_unit, understood.angular_rate_unit) == ("m/s^2", "rad/s")
    with pytest.raises(RecordingError, match=r"in m/s\^2, as the file says, is 0\.10"):
        read(tmp_path / "r.csv", scaled(1.0, RAD), header)


def test_gravity_that_was_removed_is_named(tmp_path: Path) -> None:
    values = files.motion()[:900]
    kernel = np.ones(100) / 100
    for axis in range(3):
        values[:, axis] -= np.convolve(values[:, axis], kernel, mode="same")
    with pytest.raises(RecordingError, match="gravity is missing"):
        read(tmp_path / "r.csv", values[100:800])


def test_what_little_is_left_without_gravity_is_no_full_scale_alone(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="Record it with gravity if") as caught:
        read(tmp_path / "r.csv", scaled(0.12, 1.0))
    assert factor(caught.value) == pytest.approx(1 / 0.12, rel=0.05)


def test_sensors_that_are_swapped_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"gyroscope read gravity.*Swap their names"):
        read(tmp_path / "r.csv", files.turning()[:, [3, 4, 5, 0, 1, 2]])


@pytest.mark.parametrize(
    ("order", "signs", "told"),
    [([1, 0, 2], [1, 1, 1], "y, x, z"), ([0, 1, 2], [-1, -1, -1], "-x, -y, -z")],
)
def test_axes_that_do_not_turn_as_gravity_does_are_named(
    tmp_path: Path, order: list[int], signs: list[int], told: str
) -> None:
    values = files.turning()
    values[:, 3:] = values[:, 3:][:, order] * signs
    with pytest.raises(RecordingError, match=f"it fits as {told} of its own axes"):
        read(tmp_path / "r.csv", values)


def test_a_strap_that_is_turned_changes_nothing_of_this(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    values = files.turning()
    turned = np.hstack([values[:, :3] @ turn.T, values[:, 3:] @ turn.T])
    recording, understood = read(tmp_path / "r.csv", scaled(9.80665, RAD, turned))
    assert recording.values == pytest.approx(turned, abs=2e-4, rel=1e-4)
    assert understood.turning_checked


def test_noise_that_is_no_motion_is_not_judged() -> None:
    noise = np.random.default_rng(1).uniform(-2, 2, (1000, 6)).astype(np.float32)
    assert not scale_of(noise[:, :3], noise[:, 3:] * 100, 50.0, WHOLE).problem


# --- sensors that are dead, or at their end -------------------------------------------------


def test_without_a_gyroscope_it_is_read_and_told(tmp_path: Path) -> None:
    recording, understood = read(tmp_path / "r.csv", files.motion()[:, :3], "time,ax,ay,az")
    assert recording.dead == ("gx", "gy", "gz")
    assert understood.missing == ("gx", "gy", "gz")
    assert understood.angular_rate_unit is None


@pytest.mark.parametrize(
    ("dead", "words"),
    [
        (slice(0, 6), "the sensor is dead"),
        (slice(3, 6), "the gyroscope is dead or was never read"),
        (slice(4, 5), "gy never changes"),
    ],
)
def test_axes_that_never_change_are_named(tmp_path: Path, dead: slice, words: str) -> None:
    values = files.motion()
    values[:, dead] = 0.0
    recording, understood = read(tmp_path / "r.csv", values)
    assert len(recording.dead) == dead.stop - dead.start
    assert any(words in warning for warning in understood.warnings)


def test_samples_at_the_end_of_the_range_are_counted(tmp_path: Path) -> None:
    values = files.motion()
    values[:900, :3] = ((values[:900, :3] - [1.0, 0, 0]) * 8 + [1.0, 0, 0]).clip(-2.0, 1.99994)
    _, understood = read(tmp_path / "r.csv", values)
    assert understood.at_the_rail > 50
    assert any("end of the sensor's range" in warning for warning in understood.warnings)


def test_a_range_that_is_wide_enough_is_not_taken_for_its_end(tmp_path: Path) -> None:
    assert read(tmp_path / "r.csv", files.motion())[1].at_the_rail == 0
