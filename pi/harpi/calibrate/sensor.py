"""The sensor while it is calibrated: claimed, sampled in the calling thread, or emulated."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final, Literal

import numpy as np

from harpi import shipped
from harpi.calibrate.guide import Guide, Guides, LedGuide
from harpi.config.schema import Config
from harpi.controls.gpio import Gpio
from harpi.daemon.sensor import SensorClaim, make_chip
from harpi.errors import CalibrationError, ControlError
from harpi.imu.bus import Bus, SmbusBus
from harpi.imu.calibration import Calibration
from harpi.imu.emulator import Chip, EmulatedBus, Motion, Playback, Still, Tumbling
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.plausibility import REMEDY as IMPLAUSIBLE
from harpi.imu.sampler import Sampler
from harpi.recording import Recording
from harpi.timebase import Timebase
from harpi.types import FloatArray, Samples

BLOCK_SECONDS: Final = 0.2
"""Length of the blocks that the samples come in; guides are told as often."""

FAULT_SECONDS: Final = 3.0
"""How long the sensor may fail before the calibration is given up."""


class OpenedSensor:
    """Samples one chip.

    Args:
        chip: not started yet.
        timebase: the time of its bus.
        tick: called after every block.

    Raises:
        SensorError: the chip does not start.
    """

    def __init__(
        self, chip: Mpu6050, timebase: Timebase, tick: Callable[[], None] = lambda: None
    ) -> None:
        self.chip = chip
        self._timebase = timebase
        self._tick = tick
        self._blocks: list[Samples] = []
        self._never = threading.Event()
        self._sampler = Sampler(
            chip, timebase, self._blocks.append, batch=max(1, round(BLOCK_SECONDS * chip.rate))
        )
        self._sampler.drain()

    def close(self) -> None:
        """Put the chip to sleep."""
        self._sampler.stop()

    def samples(self, seconds: float) -> Iterator[Samples]:
        """Sample for some time, block by block.

        Raises:
            CalibrationError: the sensor fails and does not recover, or it shows what cannot
                be true.
        """
        end = well = self._timebase.monotonic()
        end += seconds
        while (now := self._timebase.monotonic()) < end:
            self._timebase.wait(self._never, self._sampler.next_drain - now)
            self._sampler.drain()
            health = self._sampler.health()
            for finding in health.findings:
                raise CalibrationError(
                    f"the sensor cannot be calibrated: {finding.problem}",
                    remedy=IMPLAUSIBLE,
                )
            if health.state == "running":
                well = self._timebase.monotonic()
            elif self._timebase.monotonic() > well + FAULT_SECONDS:
                raise CalibrationError(
                    f"the sensor fails: {health.error or 'no samples come'}".rstrip("."),
                    remedy="See `harpi doctor`",
                )
            blocks, self._blocks[:] = self._blocks[:], []
            yield from blocks
            self._tick()


@contextlib.contextmanager
def open_sensor(
    config: Config,
    timebase: Timebase,
    guide: Guide,
    *,
    bus: Bus | None = None,
    gpio: Gpio | None = None,
    calibration: Calibration | None = None,
) -> Iterator[tuple[OpenedSensor, Guide]]:
    """Have the sensor for oneself, with everybody who guides.

    Args:
        config: which sensor, and which light.
        timebase: the time of the bus.
        guide: the terminal.
        bus: where the sensor is; the configured one, claimed, where not given.
        gpio: the pins of the status light; no light where not given.
        calibration: what is taken out of the readings.

    Yields:
        The bench, and the terminal and the light as one guide.

    Raises:
        AlreadyRunning: another program of harpi uses the sensor.
        SensorError: the bus cannot be opened, or the chip does not start.
    """
    with contextlib.ExitStack() as cleanup:
        if bus is None:
            cleanup.callback(SensorClaim(config).release)
            bus = SmbusBus(config.sensor.bus)
            cleanup.callback(bus.close)
        guides: list[Guide] = [guide]
        if gpio is not None and config.leds.status is not None:
            cleanup.callback(gpio.close)
            try:
                guides.append(LedGuide(gpio, config.leds.status, timebase))
            except ControlError as error:
                guide.say(f"{error} Going on without the light.")
        everybody = Guides(guides)
        chip = make_chip(config, bus, timebase, calibration)
        bench = OpenedSensor(chip, timebase, everybody.tick)
        cleanup.callback(bench.close)
        try:
            yield bench, everybody
        except BaseException:
            everybody.show("failed")
            raise


Part = Literal["gyro", "accel", "mounting"]

WEARER: Final = "25"

BIAS: Final = (0.04, -0.03, 0.06, 3.0, -2.0, 1.5)
"""g and deg/s by which the emulated chip is off."""

GAIN: Final = ((1.02, 0.004, -0.006), (0.004, 0.985, 0.003), (-0.006, 0.003, 1.015))
"""What its accelerometer makes of the true acceleration."""

FACES: Final = tuple(
    tuple(float(sign * row) for row in axis) for axis in np.eye(3) for sign in (1, -1)
)

SLANTS: Final = (
    (1.0, 1.0, 1.0),
    (1.0, -1.0, 0.0),
    (0.0, 1.0, 1.0),
    (-1.0, 0.0, 1.0),
    (1.0, 1.0, -1.0),
    (-1.0, -1.0, 0.3),
)


def emulated_motion_bus(
    part: Part, address: int, timebase: Timebase, *, leaning: int = 1
) -> EmulatedBus:
    """Give a bus with a chip that is moved as the calibration asks for.

    Args:
        part: what is calibrated.
        address: where the chip answers.
        timebase: the time in which it moves, from now on.
        leaning: positions besides the six faces, at most six.

    Raises:
        RecordingError: the recording that ships with harpi cannot be read.
    """
    chip = Chip(_motion(part, timebase, leaning), timebase, bias=BIAS, accel_gain=GAIN)
    return EmulatedBus({address: chip}, timebase)


def _motion(part: Part, timebase: Timebase, leaning: int) -> Motion:
    if part == "gyro":
        return Still()
    if part == "accel":
        slants = np.array(SLANTS[:leaning])
        slants /= np.linalg.norm(slants, axis=1, keepdims=True)
        return Tumbling(np.concatenate([FACES, slants]), start=timebase.monotonic())
    return Playback(standing_then_walking(), start=timebase.monotonic())


def standing_then_walking() -> Recording:
    """Somebody stands, then walks: two pieces of the recording that ships with harpi."""
    whole = Recording.read(shipped.path(shipped.RECORDING), subject=WEARER)
    values = np.concatenate([_piece(whole, "standing"), _piece(whole, "walking")])
    return Recording(
        values=values,
        rate=whole.rate,
        labels=(),
        label=np.full(len(values), -1, np.int16),
        segment=np.zeros(len(values), np.int32),
    )


def _piece(whole: Recording, label: str) -> FloatArray:
    """The first stretch of a label."""
    rows = np.flatnonzero(whole.label == whole.labels.index(label))
    piece: FloatArray = whole.values[np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)[0]]
    return piece
