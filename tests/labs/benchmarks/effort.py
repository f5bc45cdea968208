"""How long the benchmarks may take, and what they may read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        share: of the full rounds and seconds; small ones show that a benchmark runs, and
            their figures mean little.
        data: folder with further recordings (`*.npz`), where there is one.
        models: folder with further models, as `harpi-models train` writes them.
        tflite_runtime: a Python that has tflite-runtime.
    """

    share: float = 1.0
    data: Path | None = None
    models: Path | None = None
    tflite_runtime: Path | None = None

    def rounds(self, full: int) -> int:
        """Repetitions; at least two, so that there is a spread."""
        return max(2, round(full * self.share))

    def seconds(self, full: float) -> float:
        """Seconds of signal, or of watching."""
        return full * self.share

    def sizes(self, *full: int) -> list[int]:
        """Sizes to grow through, fewer of the large ones where little is measured."""
        return list(full[: max(2, round(len(full) * min(1.0, 4 * self.share)))])


FULL = Effort()
QUICK = Effort(share=0.2)
