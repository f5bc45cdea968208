"""What is wrong with a running device, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harpi.config.schema import Config
from harpi.daemon.recent import SPAN_SECONDS
from harpi.imu.health import SensorHealth
from harpi.learning.room import MB, Room
from harpi.publish.condition import (
    BrokerCondition,
    CalibrationCondition,
    Condition,
    PageCondition,
    RecentFigures,
    StoreCondition,
)
from harpi.publish.messages import Health

LOST_SHARE: Final = 0.001
"""Share of lost samples from which something is wrong; a fault now and then is not."""

RATE_ERROR: Final = 0.05
"""Relative error of the achieved rate from which it is no longer the chip's clock alone."""

FIRST_WINDOW_SECONDS: Final = 10.0
"""How much later than the length of a window the first verdict may come."""

_LATELY: Final = f"the last {SPAN_SECONDS / 60:.0f} minutes"
_LOOK_AT_THE_WIRES: Final = (
    "Check the sensor's supply and wires (`harpi pinout`, docs/troubleshooting.md)"
)


def condition_of(
    config: Config,
    sensor: SensorHealth,
    health: Health,
    recent: RecentFigures,
    *,
    connected: bool,
    room: Room | None,
    page: str | None,
    calibration: CalibrationCondition | None = None,
    notices: Sequence[str] = (),
    hints: tuple[str, ...] = (),
) -> Condition:
    """Put together how the device does.

    Args:
        config: what was asked for.
        sensor: how the sampling goes.
        health: all figures.
        recent: what was counted in the last minutes. Only this is held against the device: a
            fault that was mended need not be read about for days.
        connected: whether the link to the broker stands.
        room: how much room the takes have; None where the store cannot tell.
        page: where the page is; None where it cannot be had.
        calibration: what is taken out of the signal.
        notices: what others have found wrong and what to do about it; sentences.
        hints: what is doubtful about how the sensor is worn; sentences.
    """
    mqtt = config.mqtt
    broker = BrokerCondition(address=f"{mqtt.host}:{mqtt.port}", connected=connected)
    store = None
    if room is not None:
        store = StoreCondition(
            path=room.where,
            used_mb=round(room.used / MB, 1),
            limit_mb=room.limits.limit_mb,
            free_mb=round(room.free / MB, 1),
        )
    found = list(_of_the_sensor(config, sensor, recent))
    if sensor.state == "running":
        found += _of_the_recognition(config, health, recent)
    if mqtt.enabled and not connected:
        found.append(
            f"The broker at {broker.address} is not connected. Check that it runs, and "
            "mqtt.host and mqtt.port; the log says why (`journalctl -u harpi`)."
        )
    if config.web.enabled and page is None:
        found.append(
            "The page is not served, though web.enabled is set. The log says why: "
            "`journalctl -u harpi`."
        )
    return Condition(
        device=config.device.name,
        health=health,
        recent=recent,
        broker=broker if mqtt.enabled else None,
        store=store,
        page=PageCondition(url=page) if config.web.enabled else None,
        calibration=calibration,
        problems=(*found, *notices),
        hints=hints,
    )


def _of_the_sensor(
    config: Config, sensor: SensorHealth, recent: RecentFigures
) -> Iterator[str]:
    if sensor.state == "recovering":
        yield f"No samples come. {sensor.error or f'{_LOOK_AT_THE_WIRES}.'}"
    nominal = config.sensor.rate
    known = sensor.state == "running" and sensor.rate > 0
    if known and abs(sensor.rate / nominal - 1) > RATE_ERROR:
        yield (
            f"{sensor.rate:.1f} samples a second come instead of {nominal}. "
            f"{_LOOK_AT_THE_WIRES}."
        )
    if lost_share(recent) > LOST_SHARE:
        gaps = "a gap" if recent.gaps == 1 else f"{recent.gaps} gaps"
        yield (
            f"{recent.lost} samples were lost in {gaps} that ended in {_LATELY}. "
            f"{_LOOK_AT_THE_WIRES}."
        )
    if recent.blocks_failed:
        yield (
            f"{recent.blocks_failed} blocks of samples could not be handed on in {_LATELY}. "
            "The log says why: `journalctl -u harpi`."
        )


def lost_share(figures: RecentFigures) -> float:
    """Give the share of the samples that were lost, of all that there should be."""
    return figures.lost / max(1, figures.samples + figures.lost)


def _of_the_recognition(config: Config, health: Health, recent: RecentFigures) -> Iterator[str]:
    window = config.signal.length / config.signal.rate
    uptime = health.uptime_s
    if not health.recognition.windows and uptime > window + FIRST_WINDOW_SECONDS:
        yield (
            f"No window was judged in {uptime:.0f} s. The log says why: `journalctl -u harpi`."
        )
    if recent.windows_failed:
        yield (
            f"A model failed on {recent.windows_failed} windows in {_LATELY}. The log says "
            "why: `journalctl -u harpi`."
        )
    if recent.skipped:
        yield (
            f"{recent.skipped} samples of {_LATELY} were judged by no model: this computer is "
            "too busy. End other programs, or raise signal.hop."
        )
