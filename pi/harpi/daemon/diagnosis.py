"""What is wrong with a running device, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harpi.config.schema import Config
from harpi.imu.health import SensorHealth
from harpi.learning.room import MB, Room
from harpi.publish.condition import (
    BrokerCondition,
    CalibrationCondition,
    Condition,
    PageCondition,
    StoreCondition,
)
from harpi.publish.messages import Health, RecognitionFigures

LOST_SHARE: Final = 0.001
"""Share of lost samples from which something is wrong; a fault now and then is not."""

RATE_ERROR: Final = 0.05
"""Relative error of the achieved rate from which it is no longer the chip's clock alone."""

FIRST_WINDOW_SECONDS: Final = 10.0
"""How much later than the length of a window the first verdict may come."""

_LOOK_AT_THE_WIRES: Final = (
    "Check the sensor's supply and wires (`harpi pinout`, docs/troubleshooting.md)"
)


def condition_of(
    config: Config,
    sensor: SensorHealth,
    health: Health,
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
    found = list(_of_the_sensor(config, sensor))
    if sensor.state == "running":
        found += _of_the_recognition(config, health.recognition, health.uptime_s)
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
        broker=broker if mqtt.enabled else None,
        store=store,
        page=PageCondition(url=page) if config.web.enabled else None,
        calibration=calibration,
        problems=(*found, *notices),
        hints=hints,
    )


def _of_the_sensor(config: Config, sensor: SensorHealth) -> Iterator[str]:
    if sensor.state == "recovering":
        yield f"No samples come. {sensor.error or f'{_LOOK_AT_THE_WIRES}.'}"
    nominal = config.sensor.rate
    known = sensor.state == "running" and sensor.rate > 0
    if known and abs(sensor.rate / nominal - 1) > RATE_ERROR:
        yield (
            f"{sensor.rate:.1f} samples a second come instead of {nominal}. "
            f"{_LOOK_AT_THE_WIRES}."
        )
    share = sensor.lost / max(1, sensor.samples + sensor.lost)
    if share > LOST_SHARE:
        gaps = "1 gap" if sensor.gaps == 1 else f"{sensor.gaps} gaps"
        yield (
            f"{share:.1%} of the samples since the start were lost, in {gaps}. "
            f"{_LOOK_AT_THE_WIRES}."
        )
    if sensor.callback_errors:
        yield (
            f"{sensor.callback_errors} blocks of samples could not be handed on. The log "
            "says why: `journalctl -u harpi`."
        )


def _of_the_recognition(
    config: Config, recognition: RecognitionFigures, uptime: float
) -> Iterator[str]:
    window = config.signal.length / config.signal.rate
    if not recognition.windows and uptime > window + FIRST_WINDOW_SECONDS:
        yield (
            f"No window was judged in {uptime:.0f} s. The log says why: `journalctl -u harpi`."
        )
    if recognition.failed:
        yield (
            f"A model failed on {recognition.failed} windows. The log says why: "
            "`journalctl -u harpi`."
        )
    if recognition.skipped:
        yield (
            f"{recognition.skipped} samples were judged by no model: this computer is too "
            "busy. End other programs, or raise signal.hop."
        )
