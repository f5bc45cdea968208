"""How the device does, for whoever asks it directly: `/health` and what stands around it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from harpi.publish.messages import Health


class BrokerCondition(Struct, frozen=True, kw_only=True):
    """How the link to the broker stands."""

    address: str
    """Host and port."""
    connected: bool


class StoreCondition(Struct, frozen=True, kw_only=True):
    """How much room the takes have."""

    path: str
    used_mb: float
    limit_mb: int
    """Size at which recording is refused."""
    free_mb: float
    """What the disk has left."""


class PageCondition(Struct, frozen=True, kw_only=True):
    """How the page does."""

    url: str | None
    """Where a browser on this computer finds it; None where it cannot be had."""


class CalibrationCondition(Struct, frozen=True, kw_only=True):
    """What is taken out of the signal."""

    used: bool
    """The calibration of the chip is this chip's."""
    gyro: datetime | None = None
    """When the gyroscope was calibrated; None where it was not."""
    accel: datetime | None = None
    """When the accelerometer was."""
    residual_mg: float | None = None
    """What the fit of the accelerometer left, mg."""
    temperature_c: float | None = None
    """Of the chip at that time, °C."""
    mounting: datetime | None = None
    """When it was found how the strap is turned; None where that is not known."""
    turned_degrees: float | None = None
    """By how much it is turned against the first time."""


class RecentFigures(Struct, frozen=True, kw_only=True):
    """What was counted in the last five minutes; `health` has the totals since the start."""

    samples: int = 0
    """Samples that the sensor path delivered."""
    lost: int = 0
    """Samples known to be missing; those of a longer gap too, where it ended since."""
    gaps: int = 0
    """Gaps that ended."""
    blocks_failed: int = 0
    """Blocks of samples that could not be handed on."""
    windows_failed: int = 0
    """Windows that a model failed on."""
    skipped: int = 0
    """Samples lost to windows by overload."""


class Condition(Struct, frozen=True, kw_only=True):
    """How the device does at one moment."""

    device: str
    health: Health
    recent: RecentFigures = RecentFigures()
    broker: BrokerCondition | None = None
    """None where MQTT is switched off."""
    store: StoreCondition | None = None
    """None where the store cannot be used; `problems` says why."""
    page: PageCondition | None = None
    """None where it is switched off."""
    calibration: CalibrationCondition | None = None
    problems: tuple[str, ...] = ()
    """What is wrong and what to do about it, the worst first; sentences."""
    hints: tuple[str, ...] = ()
    """What is doubtful about how the sensor is worn, and what to do about it; sentences."""
