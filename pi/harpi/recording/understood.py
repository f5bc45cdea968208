"""What a file was taken for: said to people, returned for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct


class Understood(Struct, frozen=True, kw_only=True):
    """What was understood of a recording.

    Everything is in harpi's units, after what `notes` says was converted.
    """

    file: str
    """What a person calls it."""
    format: str
    """Format that it was read as."""
    samples: int
    """Samples, evened out."""
    seconds: float
    """Signal in the file, gaps left out."""
    rate: float
    """Samples per second, as measured where the file has times."""
    jitter_ms: float = 0.0
    """Standard deviation of the steps from one sample to the next."""
    columns: Mapping[str, str] = {}
    """Name in the file of each column that was used."""
    ignored: tuple[str, ...] = ()
    """Columns that were not used."""
    missing: tuple[str, ...] = ()
    """Axes that the file does not have."""
    dead: tuple[str, ...] = ()
    """Axes that never change."""
    acceleration_unit: str = "g"
    """What the file has its acceleration in."""
    angular_rate_unit: str | None = None
    """What the file has its angular rate in; None without a gyroscope."""
    at_rest_g: float | None = None
    """Median length of the acceleration where the sensor is slow; None where it never is."""
    largest_deg_s: float | None = None
    """Largest angular rate about one axis."""
    turning_checked: bool = False
    """Whether turning gravity confirmed the scale of the gyroscope."""
    labels: Mapping[str, float] = {}
    """Seconds of each label."""
    unlabelled: float = 0.0
    """Seconds without a label."""
    subjects: tuple[str, ...] = ()
    """Wearers that the file names."""
    positions: tuple[str, ...] = ()
    """Places on the body that the file names."""
    gaps: int = 0
    """How often signal is missing."""
    lost: float = 0.0
    """Share of samples that are missing one by one, and were interpolated."""
    restarts: int = 0
    """How often the clock of the file began anew."""
    duplicates: int = 0
    """Lines that stood there twice."""
    at_the_rail: int = 0
    """Samples that reach the end of the sensor's range."""
    start: datetime | None = None
    """When it began, where the file says so."""
    notes: tuple[str, ...] = ()
    """What was converted, evened out or left aside."""
    warnings: tuple[str, ...] = ()
    """What is doubtful."""

    def lines(self) -> Iterator[str]:
        """Say it, a line for each thing."""
        varying = f", steps vary by {self.jitter_ms:.2g} ms" if self.jitter_ms >= 0.05 else ""
        yield (
            f"{self.file}: {self.format}, {self.seconds:.1f} s at {self.rate:.4g} Hz{varying}"
        )
        yield f"  columns: {self._columns()}"
        yield f"  units: {self._units()}"
        yield f"  labels: {self._labels()}"
        if clock := self._clock():
            yield f"  clock: {clock}"
        for note in self.notes:
            yield f"  {note}"
        for warning in self.warnings:
            yield f"  warning: {warning}"

    def _columns(self) -> str:
        parts = [", ".join(dict.fromkeys(self.columns.values())) or "as harpi names them"]
        if self.ignored:
            shown = ", ".join(name[:30] for name in self.ignored[:8])
            more = len(self.ignored) - 8
            parts.append(f"ignored: {shown}" + (f" and {more} more" if more > 0 else ""))
        if self.missing:
            parts.append(f"missing: {', '.join(self.missing)}")
        return "; ".join(parts)

    def _units(self) -> str:
        told = self.acceleration_unit
        if self.at_rest_g is not None:
            told += f" (median {self.at_rest_g:.2f} g where the sensor is slow)"
        else:
            told += " (the sensor is never slow: not checked)"
        if self.angular_rate_unit is None:
            return f"{told}, no gyroscope"
        checked = "checked by turning gravity" if self.turning_checked else "not checked"
        largest = f"largest {self.largest_deg_s:.0f} deg/s"
        return f"{told}, {self.angular_rate_unit} ({largest}, {checked})"

    def _labels(self) -> str:
        shown = [
            f"{label} {seconds:.0f} s" for label, seconds in list(self.labels.items())[:12]
        ]
        if len(self.labels) > 12:
            shown.append(f"{len(self.labels) - 12} more")
        if self.unlabelled:
            shown.append(f"{self.unlabelled:.0f} s without a label")
        return ", ".join(shown)

    def _clock(self) -> str:
        parts = []
        if self.gaps:
            parts.append(f"{self.gaps} gap" + ("s" if self.gaps > 1 else ""))
        if self.lost >= 0.005:
            parts.append(f"{self.lost:.0%} of the samples lost and interpolated")
        if self.start is not None:
            parts.append(f"began {self.start:%Y-%m-%d %H:%M:%S} UTC")
        return ", ".join(parts)
