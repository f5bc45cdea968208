"""Zero, scale and misalignment from positions that nobody holds exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harpi.calibrate.sensor import FACES, SLANTS
from harpi.errors import CalibrationError
from harpi.imu.accel_fit import FACE_NAMES, LARGEST_RESIDUAL, face_of, fit, missing_faces

Array = NDArray[np.float64]


def positions(
    offset: Array,
    matrix: Array,
    *,
    leaning: int,
    lean: float = 0.06,
    noise: float = 0,
    seed: int = 0,
) -> Array:
    """What a chip shows whose errors `matrix` (shown - `offset`) takes out."""
    rng = np.random.default_rng(seed)
    slants = np.array(SLANTS[:leaning]).reshape(-1, 3)
    true = np.concatenate([np.array(FACES), slants / np.linalg.norm(slants, axis=1)[:, None]])
    true = true + rng.normal(0, lean, true.shape)
    true /= np.linalg.norm(true, axis=1)[:, None]
    return true @ np.linalg.inv(matrix) + offset + rng.normal(0, noise, true.shape)


offsets = st.tuples(*[st.floats(-0.08, 0.08)] * 3).map(np.array)
scales = st.tuples(*[st.floats(0.96, 1.04)] * 3).map(np.diag)
misalignments = st.tuples(*[st.floats(-0.02, 0.02)] * 3)


@settings(deadline=None)
@given(offsets, scales, st.integers(0, 1000))
def test_zero_and_scale_are_found_however_the_faces_lean(
    offset: Array, matrix: Array, seed: int
) -> None:
    found = fit(positions(offset, matrix, leaning=1, seed=seed))
    assert found.offset == pytest.approx(offset, abs=1e-6)
    assert found.matrix == pytest.approx(matrix, abs=1e-6)
    assert found.residual < 1e-6


@settings(deadline=None)
@given(offsets, scales, misalignments, st.integers(0, 1000))
def test_twelve_positions_tell_the_misalignment(
    offset: Array, scale: Array, off: tuple[float, float, float], seed: int
) -> None:
    xy, xz, yz = off
    matrix = scale + np.array([[0, xy, xz], [xy, 0, yz], [xz, yz, 0]])
    found = fit(positions(offset, matrix, leaning=6, seed=seed))
    assert found.offset == pytest.approx(offset, abs=1e-5)
    assert found.matrix == pytest.approx(matrix, abs=1e-5)


def test_the_residual_is_that_of_the_noise() -> None:
    residuals = [
        fit(positions(np.zeros(3), np.eye(3), leaning=6, noise=2e-3, seed=seed)).residual
        for seed in range(60)
    ]
    assert np.sqrt(np.mean(np.square(residuals))) == pytest.approx(2e-3, rel=0.15)


def test_a_misalignment_that_is_not_fitted_shows_in_the_residual() -> None:
    matrix = np.eye(3) + 0.01 * (1 - np.eye(3))
    crooked = fit(positions(np.zeros(3), matrix, leaning=1)).residual
    assert crooked > 20 * fit(positions(np.zeros(3), np.eye(3), leaning=1)).residual


@pytest.mark.parametrize("face", range(6))
def test_positions_that_do_not_span_are_refused(face: int) -> None:
    there = np.delete(positions(np.zeros(3), np.eye(3), leaning=3), face, axis=0)
    with pytest.raises(
        CalibrationError, match=f"positions are missing: {FACE_NAMES[face]} is missing"
    ):
        fit(there)


def test_six_positions_leave_nothing_to_judge_by() -> None:
    with pytest.raises(CalibrationError, match="nothing to judge"):
        fit(positions(np.zeros(3), np.eye(3), leaning=0))


def test_positions_that_contradict_each_other_are_refused() -> None:
    there = positions(np.zeros(3), np.eye(3), leaning=3)
    there[7] *= 1.3
    with pytest.raises(CalibrationError, match="do not agree"):
        fit(there)
    assert LARGEST_RESIDUAL < 0.3


def test_a_face_leans_by_less_than_a_slant() -> None:
    assert [face_of(np.array(face)) for face in FACES] == list(FACE_NAMES)
    assert face_of(np.array([0.7, 0.0, 0.7])) is None
    assert missing_faces(np.array(FACES)[:4]) == ["z up", "z down"]
