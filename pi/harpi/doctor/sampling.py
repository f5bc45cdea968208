"""Five seconds of sampling as the daemon does it: rate, losses, bus clock, noise, zero."""

from __future__ import annotations

import contextlib
import threading
from typing import Final

import numpy as np

from harpi.config.schema import SensorSection
from harpi.daemon.sensor import make_chip
from harpi.daemon.status import LOST_SHARE, RATE_ERROR, lost_share
from harpi.doctor import computer
from harpi.doctor.context import Context, NotExamined, Outcome, fail, ok, warn
from harpi.errors import CalibrationError
from harpi.imu.calibration import FILE_NAME, GRAVITY_ERROR, ZERO_RATE, Rest, read_calibration
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.plausibility import REMEDY as IMPLAUSIBLE
from harpi.imu.sampler import Sampler
from harpi.publish.messages import RecentFigures
from harpi.types import Samples

SECONDS: Final = 5.0

_CHECK_SECONDS: Final = 1.0
"""How often the registers are read back meanwhile."""

FAST_HERTZ: Final = 400_000
"""The fastest clock of an MPU-6050."""

FRAME_BITS: Final = 12 * 9 * 1.05
"""Bits of a sample on the bus: a frame of the FIFO, and 5 % for counting the frames."""

SLOW: Final = 0.8
"""Share of the clock that was asked for below which a bus is slow."""

BUSY: Final = 0.7
"""Share of the bus above which samples may be lost."""

NOISY: Final = 2.0
"""Times the noise of the data sheet from which a sensor is noisy."""

_DRIFTED_RATE, _DRIFTED_GRAVITY = 1.5, 0.03
"""deg/s and g by which a calibrated sensor may be off."""

_WIRES: Final = (
    "Shorten the wires to the sensor, check its supply, and see what 'journalctl -k' says"
)


def sampling(patient: Context) -> Outcome:
    """Sample for five seconds, or ask the daemon that does."""
    sensor = patient.config.sensor
    if patient.condition is not None:
        figures = patient.condition.health.sensor
        if figures.fault is not None:
            return fail("no samples come", figures.fault)
        if figures.implausible:
            return fail(figures.implausible[0].problem, IMPLAUSIBLE)
        if figures.state == "asleep":
            return ok("asleep, because nothing moves; motion wakes it (sensor.rest_minutes)")
        return _judged(sensor, figures.rate_hz, patient.condition.recent)
    patient.require_alone()
    patient.require_chip()
    with contextlib.suppress(CalibrationError):  # its own check tells of that
        patient.calibration = read_calibration(patient.config.paths.state_folder / FILE_NAME)
    chip = make_chip(
        patient.config, patient.open_the_bus(), patient.timebase, patient.calibration
    )
    blocks = _sample(patient, chip)
    patient.calibrated = chip.calibrated
    health = patient.health
    if health is None or not blocks or health.state != "running":
        why = health.error if health is not None and health.error else "No samples come."
        return fail("sampling fails", why)
    if health.findings:
        return fail("; ".join(finding.problem for finding in health.findings), IMPLAUSIBLE)
    if health.disturbed:
        return fail(
            f"while it was sampled, {health.disturbance}",
            "See that no other program uses the sensor ('sudo fuser -v /dev/i2c-*'), then "
            "check its supply and wires",
        )
    patient.rest = Rest.of(np.concatenate([block.values for block in blocks]), chip.settings)
    if chip.without_fifo:
        return warn(
            "its FIFO brings nothing, so its registers are read sample by sample",
            "harpi works, but loses samples when it comes late: keep other programs away from "
            "the processor, or use another MPU-6050",
        )
    return _judged(sensor, health.rate, RecentFigures(samples=health.samples, lost=health.lost))


def _sample(patient: Context, chip: Mpu6050) -> list[Samples]:
    """Sample as the daemon does, in the calling thread.

    Raises:
        SensorError: the chip does not start.
    """
    signal, timebase = patient.config.signal, patient.timebase
    blocks: list[Samples] = []
    sampler = Sampler(
        chip,
        timebase,
        blocks.append,
        hop_seconds=signal.hop / signal.rate,
        check_seconds=_CHECK_SECONDS,
    )
    never = threading.Event()
    sampler.drain()
    end = timebase.monotonic() + SECONDS
    while (due := sampler.next_drain) < end:
        timebase.wait(never, due - timebase.monotonic())
        sampler.drain()
    patient.health = sampler.health()
    sampler.stop()
    return blocks


def _judged(sensor: SensorSection, rate: float, figures: RecentFigures) -> Outcome:
    lost, due = figures.lost, figures.samples + figures.lost
    text = f"{rate:.1f} samples a second of {sensor.rate}, {lost} of {due} lost"
    if lost_share(figures) > LOST_SHARE:
        return fail(text, f"{_WIRES}; lower sensor.rate if the bus is slow")
    if abs(rate / sensor.rate - 1) > RATE_ERROR:
        return fail(text, "The chip's clock is off by more than a good one ever is: replace it")
    return ok(text)


def clock(patient: Context) -> Outcome:
    """Compare the clock of the bus with what was asked for, and with what is needed."""
    if patient.condition is not None:
        khz = patient.condition.health.sensor.bus_khz
        hertz = None if khz is None else khz * 1000
    else:
        hertz = None if patient.health is None else patient.health.bus_hertz
    if hertz is None:
        raise NotExamined("no transfer was long enough to tell")
    sensor = patient.config.sensor
    asked = computer.read(patient.computer) if sensor.bus == 1 else None
    told = computer.running_hertz(patient.computer, sensor.bus)
    busy = sensor.rate * FRAME_BITS / hertz
    text = f"{hertz / 1000:.0f} kHz achieved, {busy:.1%} of it needed"
    if told is not None and hertz < SLOW * told:
        remedy = (
            f"The kernel asks for {told // 1000} kHz, but the controller's own clock is not "
            "what the kernel takes it for: set core_freq=250 (Pi 3) or enable_uart=1 in "
            "config.txt, and reboot"
        )
    elif asked is not None and asked.hertz >= FAST_HERTZ:
        remedy = (
            "config.txt asks for 400 kHz: reboot if it was changed since the start, else set "
            "core_freq=250 (Pi 3) or enable_uart=1"
        )
    else:
        remedy = (
            "Set dtparam=i2c_arm_baudrate=400000 in config.txt (`sudo harpi setup` does) and "
            "reboot"
        )
    if busy > BUSY:
        return fail(text, f"{remedy}; or lower sensor.rate")
    if hertz < SLOW * FAST_HERTZ:
        return warn(f"{text}, where the chip can do {FAST_HERTZ // 1000} kHz", remedy)
    return ok(text)


def noise(patient: Context) -> Outcome:
    """Hold the noise at rest against the data sheet."""
    rest = _rest(patient)
    text = (
        f"{1000 * rest.spread[:3].max():.1f} mg and {rest.spread[3:].max():.3f} deg/s, "
        f"{rest.noise_ratio:.1f} times the data sheet"
    )
    if not rest.spread.all():
        return fail(
            "an axis has no noise at all, so it is stuck",
            "Take the sensor's supply away for a second; replace it if it happens again",
        )
    if rest.noise_ratio > NOISY:
        return warn(
            text,
            "See that nothing shakes the sensor (a fan, a fridge), then check its supply: a "
            "capacitor of 10 µF at its VCC helps",
        )
    return ok(text)


def zero(patient: Context) -> Outcome:
    """Hold the zero at rest against the data sheet."""
    rest = _rest(patient)
    rate = float(np.abs(rest.mean[3:]).max())
    text = f"zero rate off by {rate:.1f} deg/s, gravity {rest.gravity:.3f} g"
    if rate > ZERO_RATE:
        return fail(
            f"{text} (the data sheet allows {ZERO_RATE:.0f} deg/s)",
            "Repeat it with the sensor at rest; if it happens again, replace the sensor",
        )
    done = patient.calibration if patient.calibrated else None
    if done is not None and done.gyro is not None and rate > _DRIFTED_RATE:
        return warn(
            f"{text}, though it is calibrated", "Calibrate anew: `harpi calibrate gyro`"
        )
    if done is not None and done.accel is not None and abs(rest.gravity - 1) > _DRIFTED_GRAVITY:
        return warn(
            f"{text}, though it is calibrated", "Calibrate anew: `harpi calibrate accel`"
        )
    if abs(rest.gravity - 1) > GRAVITY_ERROR:
        return warn(
            f"{text} (the data sheet allows {GRAVITY_ERROR:.2f} g)",
            "Calibrate it: `harpi calibrate accel`",
        )
    return ok(text)


def _rest(patient: Context) -> Rest:
    patient.require_alone()
    if patient.rest is None:
        raise NotExamined("there are no samples")
    if patient.rest.moves:
        raise NotExamined("the sensor is not at rest; lay it down and repeat")
    return patient.rest
