"""How a device does, as a test wants it."""

from __future__ import annotations

from harpi.commands import ModelFigures
from harpi.config.schema import Config, StoreSection
from harpi.daemon.status import condition_of, health_message, totals_of
from harpi.imu.health import SensorHealth
from harpi.publish.messages import (
    Condition,
    Health,
    LinkFigures,
    RecentFigures,
    RecognitionFigures,
)
from harpi.store.database import StorageUsage

WELL = SensorHealth(state="running", rate=50.0, samples=5000, temperature=31.0)
MODELS = {
    "knn": ModelFigures(source="knn_reference.safetensors", digest="66812896d506", labels=9),
    "generic": ModelFigures(source="harpi generic 0.1", digest="8ed6e593067f", labels=9),
    "personal": ModelFigures(source=None, digest=None, labels=0),
}


def health(sensor: SensorHealth = WELL, *, uptime: float = 100.0, **recognition: int) -> Health:
    """What is published of a sensor, beside a recognition and a link that do well."""
    return health_message(
        sensor,
        chip="MPU-6050",
        uptime=uptime,
        recognition=RecognitionFigures(
            **{"windows": 100, "skipped": 0, "failed": 0, **recognition}
        ),
        link=LinkFigures(sent=0, dropped=0, connections=1),
        models=MODELS,
        faults={},
    )


def condition(
    sensor: SensorHealth = WELL,
    *,
    config: Config | None = None,
    connected: bool = True,
    uptime: float = 100.0,
    page: str | None = None,
    notices: tuple[str, ...] = (),
    troubles: tuple[str, ...] = (),
    long_ago: bool = False,
    **recognition: int,
) -> Condition:
    """How a device does; with `long_ago`, what its counters count was not lately."""
    said = health(sensor, uptime=uptime, **recognition)
    recent = totals_of(sensor, said.recognition)
    return condition_of(
        config or Config(),
        sensor,
        said,
        RecentFigures(samples=sensor.samples) if long_ago else recent,
        connected=connected,
        room=StorageUsage(
            used=3_400_000, free=12_000_000_000, limits=StoreSection(), where="takes.db"
        ),
        page=page,
        notices=notices,
        troubles=troubles,
    )
