"""How the device does, as it is published and as `systemctl status` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from harpi import __version__
from harpi.imu.health import SensorHealth
from harpi.publish.messages import (
    Health,
    LinkFigures,
    ModelFigures,
    RecognitionFigures,
    SensorFigures,
)


def health_message(
    sensor: SensorHealth,
    *,
    chip: str,
    uptime: float,
    recognition: RecognitionFigures,
    link: LinkFigures,
    models: Mapping[str, ModelFigures],
) -> Health:
    """Put the figures of all pieces together, in the units of `/health`.

    Args:
        sensor: of the sampler.
        chip: name of the chip that was found.
        uptime: seconds since the daemon started.
        recognition: of the recognition.
        link: of the publisher.
        models: which files the models were made from, by name of the model.
    """
    return Health(
        time=datetime.now(UTC),
        version=__version__,
        uptime_s=round(uptime, 1),
        sensor=SensorFigures(
            state=sensor.state,
            chip=chip,
            rate_hz=round(sensor.rate, 3),
            jitter_ms=round(sensor.jitter_s * 1000, 4),
            clock_ppm=round(sensor.clock_ppm, 1),
            samples=sensor.samples,
            lost=sensor.lost,
            gaps=sensor.gaps,
            recoveries=sensor.recoveries,
            bus_share=round(sensor.bus_share, 5),
            temperature_c=None if sensor.temperature is None else round(sensor.temperature, 1),
            bus_khz=None if sensor.bus_hertz is None else round(sensor.bus_hertz / 1000, 1),
            fault=sensor.error if sensor.state == "recovering" else None,
        ),
        recognition=recognition,
        mqtt=link,
        models=dict(models),
    )


def status_line(health: Health, *, waits_for: str = "") -> str:
    """Say in one line how the device does, and what it waits for.

    Args:
        health: all figures.
        waits_for: address of the broker, where that is not connected.
    """
    sensor = health.sensor
    text = (
        f"{sensor.chip} {sensor.state}, {sensor.rate_hz:.1f} samples/s, {sensor.lost} lost, "
        f"{health.recognition.windows} windows judged"
    )
    if sensor.state == "recovering":
        text = f"Waiting for the sensor: {(sensor.fault or '').rstrip('.')}"
    return f"{text}; waiting for the broker at {waits_for}" if waits_for else text
