"""MiniRocket (Dempster, Schmidt, Webb 2021, arXiv 2012.08791), compact, for several channels.

84 fixed kernels of nine weights, six of -1 and three of 2; each at several dilations and
biases gives one feature, the share of positive values. The bias is a quantile of the kernel's
own output on a training window. Channels are drawn at random for each kernel and dilation and
added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from harpi.types import FloatArray

KERNELS = np.array(list(combinations(range(9), 3)))
BLOCK = 1024


class MiniRocket:
    """The transform of one training set.

    Args:
        windows: ``[n, T, channels]``; biases are taken from some of them.
        features: about how many features to give.
        seed: of channels, biases and windows.
    """

    def __init__(self, windows: FloatArray, *, features: int = 1680, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        length, channels = windows.shape[1:]
        longest = int(np.log2((length - 1) / 8))
        self._dilations = np.unique(2 ** np.arange(longest + 1))
        per_kernel = max(1, features // (len(KERNELS) * len(self._dilations)))
        self._spread = windows.reshape(-1, channels).std(axis=0) + 1e-6
        counts = 2 ** rng.integers(0, int(np.log2(channels)) + 1, (len(self._dilations), 84))
        self._channels = np.zeros((len(self._dilations), len(KERNELS), channels), np.float32)
        for place in np.ndindex(counts.shape):
            chosen = rng.choice(channels, min(counts[place], channels), replace=False)
            self._channels[(*place, chosen)] = 1
        sample = windows[rng.choice(len(windows), min(len(windows), 64), replace=False)]
        golden = (np.sqrt(5) + 1) / 2
        quantiles = (np.arange(1, per_kernel + 1) * golden) % 1
        self._biases = [np.quantile(values, quantiles) for values in self._outputs(sample)]

    def __call__(self, windows: FloatArray) -> FloatArray:
        """Features ``[n, F]`` of windows ``[n, T, channels]``."""
        blocks = []
        for begin in range(0, len(windows), BLOCK):
            outputs = self._outputs(windows[begin : begin + BLOCK])
            shares = [
                (values > bias).mean(axis=1, dtype=np.float32)
                for values, biases in zip(outputs, self._biases, strict=True)
                for bias in biases
            ]
            blocks.append(np.stack(shares, axis=1))
        return np.concatenate(blocks)

    def _outputs(self, windows: FloatArray) -> Iterator[FloatArray]:
        """Output ``[n, T]`` of each kernel at each dilation, with zeros beyond the ends."""
        scaled = (windows / self._spread).astype(np.float32)
        length = windows.shape[1]
        for dilation, channels in zip(self._dilations, self._channels, strict=True):
            padded = np.pad(scaled, ((0, 0), (4 * dilation, 4 * dilation), (0, 0)))
            for kernel, chosen in zip(KERNELS, channels, strict=True):
                series = padded @ chosen
                taps = [series[:, i * dilation : i * dilation + length] for i in range(9)]
                # Six weights of -1 and three of 2 are minus the sum, and three times the three.
                yield 3 * sum(taps[i] for i in kernel) - sum(taps)
