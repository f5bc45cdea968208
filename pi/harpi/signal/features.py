"""What the nearest neighbours compare: a window as a row of named numbers.

Some columns belong to the sensor's axes (where gravity points, how each axis is
distributed); they tell postures and directions apart and change when the strap is turned.
The others do not care how the sensor is mounted: magnitudes, what is along and across
gravity, spectra summed over the axes, eigenvalues of the covariance.

All arithmetic is float64 along the time axis of each window by itself, so that a window has
the same features alone as in a batch, to the last bit.
"""

from __future__ import annotations

import time
from functools import lru_cache
from itertools import combinations, pairwise, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import AXES, FloatArray

FEATURES_VERSION: Final = 1
"""Goes up when a column changes its meaning, so that old references are refused."""

_Array = NDArray[np.float64]

_LIMIT: Final = 1e6
"""Values beyond are taken as this, so that no power of them overflows; no sensor goes there."""
_ACCEL_FLOOR: Final = 0.01
"""Acceleration in g below which motion is taken for noise."""
_GYRO_FLOOR: Final = 1.0
"""Angular rate in deg/s below which motion is taken for noise."""
_GYRO_KNEE: Final = 10.0
"""Angular rate in deg/s up to which quantiles are linear; beyond they are logarithmic."""
_BLOCK: Final = 512
"""Windows that are computed at once, so that a long recording needs little memory."""

_QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
_BANDS: Final = (0.2, 0.6, 1.0, 1.4, 1.9, 2.5, 3.3, 4.5, 6.0, 8.5, 12.6)
"""Edges of the frequency bands in Hz, closer together where people's steps are."""
_PERIODS: Final = (0.2, 1.6)
"""Shortest and longest period in seconds that is looked for in the autocorrelation."""

_CHANNELS: Final = ("accel", "vertical", "horizontal", "gyro", "yaw", "tilt")
"""Magnitude of the acceleration, its part along gravity, the magnitude of its part across;
the same three of the angular rate."""
_FLOORS: Final = np.array(2 * ([_ACCEL_FLOOR] * 3 + [_GYRO_FLOOR] * 3))
"""Of the axes, then of the channels."""
_CHANNEL_PAIRS: Final = ((0, 3), (1, 2), (1, 4), (1, 5), (2, 5), (4, 5))

_SPECTRA: Final = ("accel_axes", "gyro_axes", "accel", "vertical", "gyro")
"""Signals whose spectrum is looked at; `_axes` are sums over the three axes."""
_SPECTRUM_FLOORS: Final = np.array(
    [_ACCEL_FLOOR, _GYRO_FLOOR, _ACCEL_FLOOR, _ACCEL_FLOOR, _GYRO_FLOOR]
)
_BANDED: Final = 3
"""Of `_SPECTRA`, the first so many give their power in each band."""

_AXIS_PAIRS: Final = (
    *combinations(range(3), 2),
    *combinations(range(3, 6), 2),
    *product(range(3), range(3, 6)),
)
_FIRST, _SECOND = np.transpose([*_AXIS_PAIRS, *((6 + i, 6 + j) for i, j in _CHANNEL_PAIRS)])
"""Rows of the axes and channels that are correlated."""
_COVARIANCE: Final = np.array(
    [
        [i if i == j else 6 + _AXIS_PAIRS.index((min(i, j), max(i, j))) for i in triple]
        for triple in (range(3), range(3, 6))
        for j in triple
    ]
).reshape(2, 3, 3)
"""The covariances ``[2, 3, 3]`` of acceleration and angular rate: where each element is among
the variances of the axes and the products of their pairs."""
_SOURCES: Final = np.array([*range(6), 6, 7, 9])
"""Rows whose spectrum is wanted: the axes, and the channels accel, vertical and gyro."""
_TRIPLES: Final = (slice(0, 3), slice(3, 6))

FEATURE_NAMES: Final[tuple[str, ...]] = (
    *(f"gravity_{axis}" for axis in "xyz"),
    *(f"{axis}_q{round(100 * q):02d}" for axis, q in product(AXES, _QUANTILES)),
    *(f"{axis}_spread" for axis in AXES),
    *(f"{AXES[i]}_{AXES[j]}_correlation" for i, j in _AXIS_PAIRS),
    *(f"{kind}_principal_{i}" for kind, i in product(("accel", "gyro"), (3, 2, 1))),
    *(f"{_CHANNELS[i]}_{_CHANNELS[j]}_correlation" for i, j in _CHANNEL_PAIRS),
    *(f"{channel}_crossings" for channel in _CHANNELS),
    *(
        f"{name}_{low:g}_{high:g}_hz"
        for name in _SPECTRA[:_BANDED]
        for low, high in pairwise(_BANDS)
    ),
    *(f"{name}_entropy" for name in _SPECTRA),
    *(f"{name}_centroid" for name in _SPECTRA),
    *(f"{name}_periodicity" for name in _SPECTRA),
    *(f"{name}_antiperiodicity" for name in _SPECTRA),
)
"""Name of each column of `features`."""


def features(windows: FloatArray, rate: float) -> FloatArray:
    """Compute the features of windows.

    Args:
        windows: ``[n, T, 6]`` in g and deg/s, finite, T at least 4.
        rate: samples per second of the windows.

    Returns:
        float32 ``[n, len(FEATURE_NAMES)]``, finite.
    """
    rows = np.empty((len(windows), len(FEATURE_NAMES)), np.float32)
    for begin in range(0, len(windows), _BLOCK):
        block = windows[begin : begin + _BLOCK].transpose(0, 2, 1).astype(np.float64, order="C")
        rows[begin : begin + _BLOCK] = _features(np.clip(block, -_LIMIT, _LIMIT), rate)
    return rows


class SharedFeatures:
    """The features of some windows, computed once for all that ask for them.

    Args:
        windows: ``[n, T, 6]`` in g and deg/s, finite.

    Attributes:
        seconds: that computing them took; 0 before.
        asked: whether anybody has asked since this was last set to False.
    """

    def __init__(self, windows: FloatArray) -> None:
        self._windows = windows
        self._rows: dict[float, FloatArray] = {}
        self.seconds = 0.0
        self.asked = False

    def at(self, rate: float) -> FloatArray:
        """Return them, float32 ``[n, len(FEATURE_NAMES)]``; `rate` is that of the windows."""
        self.asked = True
        if rate not in self._rows:
            begin = time.perf_counter()
            self._rows[rate] = features(self._windows, rate)
            self.seconds += time.perf_counter() - begin
        return self._rows[rate]


def _features(signal: _Array, rate: float) -> _Array:
    """Compute the features of ``[n, 6, T]``, in the order of `FEATURE_NAMES`."""
    count = len(signal)
    mean = _mean(signal)
    gravity = mean[:, :3] / np.maximum(_length(mean[:, :3]), _ACCEL_FLOOR)[:, None]
    # The six axes, then the six channels.
    signals = np.concatenate([signal, *_channels(signal, gravity)], axis=1)
    signals[:, :6] -= mean[..., None]
    signals[:, 6:] -= _mean(signals[:, 6:])[..., None]
    channels = signals[:, 6:]
    deviation = np.sqrt(_mean(np.square(signals)))
    sources = signals[:, _SOURCES]
    columns = (
        gravity,
        _quantiles(signal),
        np.log(deviation[:, :6] + _FLOORS[:6]),
        *_correlations(signals, deviation),
        _crossings(channels),
        *_spectral(sources, rate),
        *_periodic(sources, rate),
    )
    return np.concatenate([column.reshape(count, -1) for column in columns], axis=1)


def _mean(values: _Array) -> _Array:
    """Mean along the last axis.

    One window is so short that `ndarray.mean`, which looks at its arguments first, would take
    several times as long.
    """
    mean: _Array = np.add.reduce(values, axis=-1) / values.shape[-1]
    return mean


def _length(vectors: _Array) -> _Array:
    """Length along axis 1."""
    length: _Array = np.sqrt(np.add.reduce(np.square(vectors), axis=1))
    return length


def _channels(signal: _Array, gravity: _Array) -> list[_Array]:
    """Split acceleration and angular rate by the direction of gravity: six of ``[n, 1, T]``."""
    channels = []
    for vectors in (signal[:, :3], signal[:, 3:]):
        along = np.add.reduce(vectors * gravity[:, :, None], axis=1)
        across = vectors - along[:, None] * gravity[:, :, None]
        channels += [_length(vectors)[:, None], along[:, None], _length(across)[:, None]]
    return channels


def _crossings(channels: _Array) -> _Array:
    """Share of the samples at which a channel crosses its mean."""
    crossed = channels[..., 1:] * channels[..., :-1] < 0
    shares: _Array = np.count_nonzero(crossed, axis=-1) / crossed.shape[-1]
    return shares


def _quantiles(signal: _Array) -> _Array:
    """Quantiles of each axis, ``[n, 6, quantiles]``, by linear interpolation."""
    ordered = np.sort(signal, axis=-1)
    place = np.array(_QUANTILES) * (signal.shape[-1] - 1)
    below = place.astype(np.intp)
    share = place - below
    quantiles: _Array = ordered[..., below] * (1 - share) + ordered[..., below + 1] * share
    quantiles[:, 3:] = np.arcsinh(quantiles[:, 3:] / _GYRO_KNEE)
    return quantiles


def _correlations(signals: _Array, deviation: _Array) -> tuple[_Array, _Array, _Array]:
    """Correlations of the axes, their principal spreads, and correlations of the channels.

    A correlation is drawn to 0 where there is little but noise.
    """
    products = _mean(signals[:, _FIRST] * signals[:, _SECOND])
    spread = deviation + _FLOORS
    correlations = products / (spread[:, _FIRST] * spread[:, _SECOND])
    variances = np.square(deviation[:, :6])
    covariance = np.concatenate([variances, products], axis=1)[:, _COVARIANCE]
    principal = np.maximum(np.linalg.eigvalsh(covariance).reshape(len(signals), 6), 0)
    axes = len(_AXIS_PAIRS)
    return (
        correlations[:, :axes],
        np.log(principal + np.square(_FLOORS[:6])) / 2,
        correlations[:, axes:],
    )


def _sum_axes(values: _Array) -> _Array:
    """Add up the spectra of the axes: from those of the sources to those of `_SPECTRA`."""
    sums = [np.add.reduce(values[:, part], axis=1, keepdims=True) for part in _TRIPLES]
    return np.concatenate([*sums, values[:, 6:]], axis=1)


def _spectral(sources: _Array, rate: float) -> tuple[_Array, _Array, _Array]:
    """Power in bands (logarithmic), spectral entropy, and spectral centroid in Hz."""
    length = sources.shape[-1]
    taper, frequency, edges = _spectral_grid(length, rate)
    spectrum = np.fft.rfft(sources * taper, axis=-1)
    power = _sum_axes(np.square(spectrum.real) + np.square(spectrum.imag))
    floor = np.square(_SPECTRUM_FLOORS)[None, :, None] / 10

    total = np.concatenate([np.zeros_like(power[..., :1]), power.cumsum(axis=-1)], axis=-1)
    bands = np.maximum(np.diff(total[:, :_BANDED, edges], axis=-1), 0)
    bands = np.log(bands + floor[:, :_BANDED]) / 2

    shares = power[..., 1:] + floor / 10
    shares /= np.add.reduce(shares, axis=-1, keepdims=True)
    entropy = -np.add.reduce(shares * np.log(shares), axis=-1)
    centroid = np.add.reduce(shares * frequency[1:], axis=-1)
    return bands, entropy, centroid


@lru_cache(maxsize=4)
def _spectral_grid(length: int, rate: float) -> tuple[_Array, _Array, NDArray[np.intp]]:
    """Taper ``[T]``, frequency of each line of the spectrum in Hz, and where bands begin."""
    taper = np.hanning(length + 1)[:-1]
    taper /= length * np.sqrt(np.square(taper).mean() / 2)
    frequency = np.asarray(np.fft.rfftfreq(length, 1 / rate), np.float64)
    return taper, frequency, np.searchsorted(frequency, _BANDS)


def _periodic(sources: _Array, rate: float) -> tuple[_Array, _Array]:
    """Highest and lowest autocorrelation among the periods, 1 and -1 at most."""
    length = sources.shape[-1]
    spectrum = np.fft.rfft(sources, 2 * length, axis=-1)
    power = _sum_axes(np.square(spectrum.real) + np.square(spectrum.imag))
    products = np.fft.irfft(power, axis=-1)[..., :length]
    shortest = min(max(1, round(_PERIODS[0] * rate)), length // 2)
    longest = min(max(shortest, round(_PERIODS[1] * rate)), length - length // 4)
    lags = np.arange(shortest, longest + 1)
    overlap = 1 - lags / length
    energy = products[..., :1] + length * np.square(_SPECTRUM_FLOORS)[None, :, None]
    correlation = np.clip(products[..., lags] / (overlap * energy), -1, 1)
    return correlation.max(axis=-1), correlation.min(axis=-1)
