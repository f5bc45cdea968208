"""How a running device does: what is wrong, recent figures, the watchdog, tidying."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from msgspec import structs

from harpi import __version__
from harpi.commands import ModelFigures
from harpi.config.schema import Config
from harpi.imu.health import SensorHealth
from harpi.imu.plausibility import REMEDY as IMPLAUSIBLE
from harpi.imu.plausibility import range_to_set
from harpi.memory import give_back_memory
from harpi.publish.messages import (
    BrokerCondition,
    CalibrationCondition,
    Condition,
    Health,
    Implausible,
    LinkFigures,
    PageCondition,
    RecentFigures,
    RecognitionFigures,
    SensorFigures,
    StoreCondition,
)
from harpi.store.database import MB, StorageUsage
from harpi.supervisor import Supervisor
from harpi.systemd import Notifier
from harpi.timebase import SystemTime, Timebase, to_utc

LOST_SHARE: Final = 0.001
"""Share of lost samples from which something is wrong; a fault now and then is not."""

SATURATED_SHARE: Final = 0.001
"""Share of samples at the end of the range from which the range is too small."""

RATE_ERROR: Final = 0.05
"""Relative error of the achieved rate from which it is no longer the chip's clock alone."""

FIRST_WINDOW_SECONDS: Final = 10.0
"""How much later than the length of a window the first verdict may come."""

SPAN_SECONDS: Final = 300.0
"""How far back a fault is held against a device that does well again."""

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
    troubles: Sequence[str] = (),
    room: StorageUsage | None,
    page: str | None,
    calibration: CalibrationCondition | None = None,
    faults: Sequence[str] = (),
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
        troubles: what is wrong with the broker; as of the publisher.
        room: how much room the takes have; None where the store cannot tell.
        page: where the page is; None where it cannot be had.
        calibration: what is taken out of the signal.
        faults: which threads failed lately; sentences.
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
    if mqtt.enabled and not connected and not troubles:
        found.append(
            f"The broker at {broker.address} is not connected yet. If that lasts, check "
            "that it runs, and mqtt.host and mqtt.port."
        )
    if mqtt.enabled:
        found += [f"The broker at {broker.address} {trouble}." for trouble in troubles]
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
        problems=(*faults, *found, *notices),
        hints=hints,
    )


def _of_the_sensor(
    config: Config, sensor: SensorHealth, recent: RecentFigures
) -> Iterator[str]:
    if sensor.state == "recovering":
        yield f"No samples come. {sensor.error or f'{_LOOK_AT_THE_WIRES}.'}"
    for finding in sensor.findings:
        yield f"{finding.problem[:1].upper()}{finding.problem[1:]}. {IMPLAUSIBLE}."
    if recent.disturbed:
        yield (
            f"The sensor's registers were changed {recent.disturbed} times in {_LATELY} "
            f"({sensor.disturbance}); samples from that time are not used for training. See "
            "that no other "
            "program uses the sensor ('sudo fuser -v /dev/i2c-*'), then check its supply."
        )
    ranges = (float(config.sensor.accel_range), float(config.sensor.gyro_range))
    saturated = (recent.saturated_accel, recent.saturated_gyro)
    for which, count in enumerate(saturated):
        if count > SATURATED_SHARE * recent.samples:
            yield (
                f"{count} samples of {_LATELY} are at the end of the range of the "
                f"{('accelerometer', 'gyroscope')[which]}. {range_to_set(which, ranges)}."
            )
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
            f"No window was classified in {uptime:.0f} s. The log says why: `journalctl -u "
            "harpi`."
        )
    if recent.windows_failed:
        yield (
            f"A model failed on {recent.windows_failed} windows in {_LATELY}. The log says "
            "why: `journalctl -u harpi`."
        )
    if recent.skipped:
        yield (
            f"{recent.skipped} samples of {_LATELY} were not classified: this computer is "
            "too busy. End other programs, or raise signal.hop."
        )


def health_message(
    sensor: SensorHealth,
    *,
    chip: str,
    uptime: float,
    recognition: RecognitionFigures,
    link: LinkFigures,
    models: Mapping[str, ModelFigures],
    faults: Mapping[str, int],
    timebase: Timebase | None = None,
) -> Health:
    """Put the figures of all pieces together, in the units of `/health`.

    Args:
        sensor: of the sampler.
        chip: name of the chip that was found.
        uptime: seconds since the daemon started.
        recognition: of the recognition.
        link: of the publisher.
        models: which files the models were made from, by name of the model.
        faults: of harpi itself, by thread.
        timebase: the clock of the samples; that of the system where not given.
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
            implausible=tuple(
                Implausible(
                    kind=finding.kind,
                    axes=finding.axes,
                    since=to_utc(finding.since, timebase or SystemTime()),
                    problem=finding.problem,
                )
                for finding in sensor.findings
            ),
            saturated_accel=sensor.saturated[0],
            saturated_gyro=sensor.saturated[1],
            disturbed=sensor.disturbed,
        ),
        recognition=recognition,
        mqtt=link,
        models=dict(models),
        faults=dict(faults),
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
        f"{health.recognition.windows} windows classified"
    )
    if sensor.state == "recovering":
        text = f"Waiting for the sensor: {(sensor.fault or '').rstrip('.')}"
    return f"{text}; waiting for the broker at {waits_for}" if waits_for else text


_STEP_SECONDS: Final = 10.0


def totals_of(sensor: SensorHealth, recognition: RecognitionFigures) -> RecentFigures:
    """Give the counters since the start that tell how a device does."""
    return RecentFigures(
        samples=sensor.samples,
        lost=sensor.lost,
        gaps=sensor.gaps,
        disturbed=sensor.disturbed,
        saturated_accel=sensor.saturated[0],
        saturated_gyro=sensor.saturated[1],
        blocks_failed=sensor.callback_errors,
        windows_failed=recognition.failed,
        skipped=recognition.skipped,
    )


class Recent:
    """Remembers how the counters stood, for as long as a fault matters.

    Args:
        now: monotonic seconds of the start, when all counters stood at zero.
    """

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._marks = deque([(now, RecentFigures())])

    def note(self, now: float, totals: RecentFigures) -> RecentFigures:
        """Take note of the counters, and tell what they counted in the last minutes.

        Args:
            now: monotonic seconds; may be called as often as one likes, from any thread.
            totals: the counters since the start.
        """
        with self._lock:
            if now >= self._marks[-1][0] + _STEP_SECONDS:
                self._marks.append((now, totals))
            while len(self._marks) > 1 and self._marks[1][0] <= now - SPAN_SECONDS:
                self._marks.popleft()
            then = structs.asdict(self._marks[0][1])
        return RecentFigures(
            **{name: count - then[name] for name, count in structs.asdict(totals).items()}
        )


LONGEST_PERIOD: Final = 1.0

GIVE_BACK_SECONDS: Final = 3600.0
"""How often freed memory is given back: takes that are shown or purged leave some behind."""

_JOIN_SECONDS: Final = 1.0


class Source(Protocol):
    """Where the figures come from; the sampler is one."""

    def health(self) -> SensorHealth:
        """Say how the sampling goes."""
        ...


class Housekeeping:
    """Feeds systemd's watchdog by the progress of the daemon, and reports now and then.

    The watchdog is fed when samples were read since it was fed last, and verdicts come of
    them; or when an attempt to get the sensor back came to its end; and not otherwise: a
    daemon whose sampling hangs or that judges no windows is restarted, one whose sensor is
    missing goes on looking for it.

    Either `start` it on a thread of its own, or call `tick` often enough.

    Args:
        source: shows the progress of the sampling.
        notifier: the way to systemd.
        timebase: what to wait on.
        watch: gets the figures at every tick.
        report: called every `report_seconds`, and gives the line for `systemctl status`.
        report_seconds: how often.
        overdue: whether verdicts are missing though samples come.
        supervisor: sees what goes wrong.
    """

    def __init__(
        self,
        source: Source,
        notifier: Notifier,
        timebase: Timebase,
        *,
        watch: Callable[[SensorHealth], object],
        report: Callable[[SensorHealth], str],
        report_seconds: float,
        overdue: Callable[[], bool] = lambda: False,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._overdue = overdue
        self._supervisor = supervisor or Supervisor()
        self._source = source
        self._notifier = notifier
        self._timebase = timebase
        self._watch = watch
        self._report = report
        self._report_seconds = report_seconds
        self._next_report = timebase.monotonic()
        self._next_giving_back = self._next_report + GIVE_BACK_SECONDS
        self._progress: tuple[float | None, int] = (None, 0)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        watchdog = notifier.watchdog_seconds or 4 * LONGEST_PERIOD
        self.period = min(LONGEST_PERIOD, watchdog / 4, report_seconds)
        """Seconds between two ticks."""

    def tick(self) -> None:
        """Do what is due."""
        health = self._source.health()
        self._watch(health)
        progress = (health.last_read, health.faults)
        if progress != self._progress and not self._overdue():
            self._progress = progress
            self._notifier.alive()
        now = self._timebase.monotonic()
        begun = health.last_read is not None or health.faults > 0
        if now >= self._next_report and begun:
            self._next_report = now + self._report_seconds
            self._notifier.status(self._report(health))
        if now >= self._next_giving_back:
            self._next_giving_back = now + GIVE_BACK_SECONDS
            give_back_memory()

    def start(self) -> None:
        """Tick on a thread until `stop`."""
        self._thread = self._supervisor.thread(self._run, "housekeeping", vital=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless when there is none."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._timebase.wait(self._stop, self.period):
            self.tick()
