import math
from dataclasses import replace
from itertools import chain

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.store.takes import ACCEL_LSB, GYRO_LSB, LONGEST, Chunk, chunks_of
from harpi.types import FloatArray, Samples
from tests.support.takes import counts_of_chip


def chip_values(accel_lsb: float, gyro_lsb: float, seed: int) -> FloatArray:
    counts = np.random.default_rng(seed).integers(-32768, 32768, (20, 6))
    values: FloatArray = (counts / np.repeat([accel_lsb, gyro_lsb], 3)).astype(np.float32)
    return values


@settings(deadline=None)
@given(st.sampled_from(ACCEL_LSB), st.sampled_from(GYRO_LSB), st.integers(0, 10_000))
def test_what_a_chip_measures_comes_back_to_the_bit_in_two_bytes(
    accel_lsb: float, gyro_lsb: float, seed: int
) -> None:
    values = chip_values(accel_lsb, gyro_lsb, seed)
    chunk = Chunk.encode(values, 0.0, 1.0, gap=False)
    assert len(chunk.data) == 20 * 6 * 2
    np.testing.assert_array_equal(chunk.values(), values)


@settings(deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 30), st.just(6)),
        elements=st.floats(-4000, 4000, width=32),
    )
)
def test_any_finite_values_come_back_within_a_hundredth_of_the_chips_finest_step(
    values: FloatArray,
) -> None:
    back = Chunk.encode(values, 0.0, 1.0, gap=False).values()
    assert np.abs(back[:, :3] - values[:, :3]).max() <= 0.01 / min(ACCEL_LSB)
    assert np.abs(back[:, 3:] - values[:, 3:]).max() <= 0.01 / min(GYRO_LSB)


def test_values_off_the_chips_grid_are_kept_as_they_are() -> None:
    values = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    chunk = Chunk.encode(values, 0.0, 1.0, gap=False)
    assert chunk.accel_lsb is None
    assert chunk.gyro_lsb is None
    np.testing.assert_array_equal(chunk.values(), values)


def test_six_decimals_in_a_csv_file_find_back_to_the_chips_grid() -> None:
    values = counts_of_chip(100)
    printed = np.round(values.astype(np.float64), 6).astype(np.float32)
    np.testing.assert_array_equal(Chunk.encode(printed, 0.0, 2.0, gap=False).values(), values)


def test_a_value_that_is_no_number_is_refused() -> None:
    values = counts_of_chip(3)
    values[1, 2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        Chunk.encode(values, 0.0, 1.0, gap=False)


@pytest.mark.parametrize("scale", [0.0, -2048.0, 1e-300, math.nan, math.inf])
@pytest.mark.parametrize("which", ["accel_lsb", "gyro_lsb"])
def test_a_scale_that_is_none_is_refused(which: str, scale: float) -> None:
    chunk = Chunk.encode(counts_of_chip(3), 0.0, 1.0, gap=False)
    with pytest.raises(ValueError, match="no scales"):
        replace(chunk, **{which: scale}).values()


@settings(deadline=None)
@given(st.integers(1, 3 * LONGEST), st.booleans())
def test_a_long_block_is_cut_and_only_its_first_chunk_has_the_gap(
    count: int, gap: bool
) -> None:
    times = 7.0 + np.arange(count) / 50
    block = Samples(np.zeros((count, 6), np.float32), times, gap=gap)
    chunks = chunks_of(block, start=5.0)
    assert sum(chunk.count for chunk in chunks) == count
    assert max(chunk.count for chunk in chunks) <= LONGEST
    assert [chunk.gap for chunk in chunks] == [gap] + [False] * (len(chunks) - 1)
    back = list(chain.from_iterable(chunk.samples().times for chunk in chunks))
    np.testing.assert_allclose(back, times - 5.0, atol=1e-9)


def test_no_samples_are_no_chunk() -> None:
    assert chunks_of(Samples(np.empty((0, 6), np.float32), np.empty(0)), start=0.0) == []
