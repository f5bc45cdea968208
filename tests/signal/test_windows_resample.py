import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.signal.windows import ATTENUATION_DB, PASSBAND, STOPBAND, Resampler
from harpi.types import FloatArray, Samples

RATES = [
    (1000.0, 25.0), (500.0, 25.0), (1000 / 3, 25.0), (125.0, 25.0), (100.0, 25.0),
    (50.0, 25.0), (40.0, 25.0), (20.0, 25.0), (25.0, 50.0), (50.0, 20.0),
]  # fmt: skip


def tone(hertz: float, rate: float, seconds: float) -> Samples:
    """A cosine on the first channel, a constant on the others."""
    times = np.arange(round(seconds * rate)) / rate
    values = np.ones((len(times), 6), np.float32)
    values[:, 0] = np.cos(2 * np.pi * hertz * times)
    return Samples(values, times)


def in_blocks(samples: Samples, cuts: list[int]) -> list[Samples]:
    """The same samples in blocks."""
    return [
        Samples(values, times)
        for values, times in zip(
            np.split(samples.values, cuts), np.split(samples.times, cuts), strict=True
        )
    ]


def joined(blocks: list[Samples]) -> tuple[FloatArray, np.ndarray]:
    return (
        np.concatenate([block.values for block in blocks]),
        np.concatenate([block.times for block in blocks]),
    )


@pytest.mark.parametrize(("input_rate", "rate"), RATES)
def test_output_has_the_rate_and_the_times_that_were_asked_for(
    input_rate: float, rate: float
) -> None:
    resampler = Resampler(input_rate, rate)
    samples = tone(1.0, input_rate, 8)
    out = resampler.push(samples)
    assert np.allclose(np.diff(out.times), 1 / rate)
    assert out.times[0] == pytest.approx(resampler.delay)
    assert samples.times[-1] - out.times[-1] < resampler.delay + 1 / rate + 1 / input_rate


@pytest.mark.parametrize(("input_rate", "rate"), RATES)
def test_passes_what_is_below_the_passband_without_shift(
    input_rate: float, rate: float
) -> None:
    ripple = 10 ** (-ATTENUATION_DB / 20)
    for share in (0.05, 0.2, PASSBAND):
        hertz = share * min(input_rate, rate)
        out = Resampler(input_rate, rate).push(tone(hertz, input_rate, 8))
        error = out.values[:, 0] - np.cos(2 * np.pi * hertz * out.times)
        # An image of the tone adds as much again where the rate goes up.
        assert np.abs(error).max() < 2.1 * ripple


@pytest.mark.parametrize(("input_rate", "rate"), [r for r in RATES if r[0] > r[1]])
def test_removes_what_would_fold_back(input_rate: float, rate: float) -> None:
    for hertz in np.linspace(STOPBAND * rate, input_rate / 2, 9):
        out = Resampler(input_rate, rate).push(tone(hertz, input_rate, 8))
        assert 20 * np.log10(np.abs(out.values[:, 0]).max()) < -ATTENUATION_DB


@pytest.mark.parametrize(("input_rate", "rate"), RATES)
def test_a_constant_stays_what_it_is(input_rate: float, rate: float) -> None:
    out = Resampler(input_rate, rate).push(tone(0, input_rate, 4))
    assert np.allclose(out.values, 1, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(
    pair=st.sampled_from([*RATES, (25.0, 25.0)]),
    cuts=st.lists(st.integers(0, 400), max_size=20),
    seed=st.integers(0, 9),
)
def test_blocks_do_not_matter_to_the_last_bit(
    pair: tuple[float, float], cuts: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    count = 400 + (1500 if pair[0] >= 500 else 0)
    samples = Samples(
        rng.normal(0, 1000, (count, 6)).astype(np.float32),
        np.cumsum(rng.uniform(0.5, 1.5, count)) / pair[0],
    )
    whole = Resampler(*pair).push(samples)
    resampler = Resampler(*pair)
    values, times = joined([resampler.push(b) for b in in_blocks(samples, sorted(cuts))])
    assert np.array_equal(values, whole.values)
    assert np.array_equal(times, whole.times)


def test_equal_rates_pass_the_very_samples_through() -> None:
    samples = tone(3.0, 25.0, 2)
    assert Resampler(25.0, 25.0).push(samples) is samples
    assert Resampler(25.0, 25.0).delay == 0


def test_times_follow_a_clock_that_is_off() -> None:
    samples = tone(1.0, 50.0, 4)
    slow = Samples(samples.values, 7 + 1.02 * samples.times)
    out = Resampler(50.0, 25.0).push(slow)
    assert np.allclose(np.diff(out.times), 1.02 / 25)
    assert out.times[0] == pytest.approx(7 + 1.02 * Resampler(50.0, 25.0).delay)


def test_a_gap_begins_anew_and_is_passed_on_with_the_first_output() -> None:
    resampler = Resampler(50.0, 25.0)
    resampler.push(tone(1.0, 50.0, 2))
    after = tone(2.0, 50.0, 2)
    blocks = in_blocks(Samples(after.values, after.times + 10, gap=True), [10])
    first = resampler.push(Samples(blocks[0].values, blocks[0].times, gap=True))
    second = resampler.push(blocks[1])
    assert len(first) == 0
    assert second.gap
    assert np.array_equal(second.values, Resampler(50.0, 25.0).push(after).values)
    assert not resampler.push(tone(1.0, 50.0, 1)).gap


@pytest.mark.parametrize(("input_rate", "rate"), [(0, 25), (50, -1), (np.inf, 25), (1e9, 1e-9)])
def test_impossible_rates_are_refused(input_rate: float, rate: float) -> None:
    with pytest.raises(ValueError, match=r"positive|cannot go"):
        Resampler(input_rate, rate)


@given(st.integers(25, 1000), st.sampled_from([12.5, 20.0, 25.0, 50.0]))
@settings(max_examples=30, deadline=None)
def test_any_rate_in_gives_the_rate_out(input_rate: int, rate: float) -> None:
    out = Resampler(input_rate, rate).push(tone(0.5, input_rate, 4))
    assert len(out) == pytest.approx((4 - 2 * Resampler(input_rate, rate).delay) * rate, abs=2)
    assert np.allclose(np.diff(out.times), 1 / rate)
