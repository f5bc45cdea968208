"""The sensor as configured: its calibration, who may use it, when it sleeps, how it is worn."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.commands import Event
from harpi.config.schema import Config, SensorSection
from harpi.errors import AlreadyRunning, CalibrationError
from harpi.files import FileLock, make_directory, write_document
from harpi.imu.bus import Bus
from harpi.imu.calibration import FILE_NAME, Calibration, read_calibration
from harpi.imu.health import SensorState
from harpi.imu.mpu6050 import Mpu6050
from harpi.publish.messages import CalibrationCondition
from harpi.signal.gait import FILE_NAME as MOUNTING_FILE
from harpi.signal.gait import Mountings, read_mountings
from harpi.signal.orientation import (
    STILL_SECONDS,
    STRANGE_SECONDS,
    PostureWatch,
    WornWatch,
    angle_of,
    turn,
)
from harpi.supervisor import Supervisor
from harpi.timebase import Timebase
from harpi.types import Samples, Verdict


def make_chip(
    config: Config, bus: Bus, timebase: Timebase, calibration: Calibration | None = None
) -> Mpu6050:
    """Make the driver of the sensor.

    Args:
        config: all settings.
        bus: where the sensor is.
        timebase: what times the transfers.
        calibration: what is taken out of the readings.

    Raises:
        ConfigError: a setting that the chip does not have.
    """
    sensor = config.sensor
    return Mpu6050(
        bus,
        timebase,
        address=sensor.address,
        rate=sensor.rate,
        accel_range=sensor.accel_range,
        gyro_range=sensor.gyro_range,
        dlpf=sensor.dlpf,
        calibration=calibration,
    )


LOCK_FILE: Final = "sensor.lock"
"""Name of the lock within the folder `paths.runtime`."""


class SensorClaim:
    """The right to the sensor of a configuration, from now until `release`.

    Where the folder cannot be written, nobody else of this user's can have claimed it, and
    the claim is taken as granted.

    Args:
        config: which sensor.

    Raises:
        AlreadyRunning: another program of harpi uses it.
    """

    def __init__(self, config: Config) -> None:
        folder = config.paths.runtime_folder
        self._lock = FileLock(folder / LOCK_FILE)
        try:
            make_directory(folder)
            free = self._lock.acquire()
        except OSError:
            return
        if not free:
            raise AlreadyRunning(
                "another program of harpi uses the sensor",
                where=str(folder / LOCK_FILE),
                remedy="End it first: 'sudo systemctl stop harpi', or what runs in another "
                "terminal",
            )

    def release(self) -> None:
        """Give the sensor back; releasing twice is harmless."""
        self._lock.release()


PUT_ON_ANEW: Final = (
    "The strap was put on again, and its rotation is not known: `harpi calibrate mounting` "
    "measures it while you stand still and walk."
)

log = logging.getLogger(__name__)


class AxisTransform:
    """The calibrations of this device, as they stand in the folder of its state.

    A file that cannot be used is said, and the signal is left as it is.

    Args:
        config: of the device.

    Attributes:
        calibration: of the chip; None where there is none. The driver takes it out.
        notices: what is wrong with the files, and what to do; sentences.
    """

    def __init__(self, config: Config, supervisor: Supervisor | None = None) -> None:
        self._supervisor = supervisor or Supervisor()
        folder = config.paths.state_folder
        self._path = folder / MOUNTING_FILE
        self._position = config.device.position
        self._session: int | None = None
        self._lock = threading.Lock()
        self.calibration: Calibration | None = None
        self._mountings = Mountings()
        self.notices: tuple[str, ...] = ()
        try:
            self.calibration = read_calibration(folder / FILE_NAME)
        except CalibrationError as error:
            self._warn(error)
        try:
            self._mountings = read_mountings(self._path)
        except CalibrationError as error:
            self._warn(error)
        self._rotation = self._known_rotation()

    def turn(self, samples: Samples) -> Samples:
        """Give samples in the axes of the limb, as far as these are known."""
        rotation = self._rotation
        if rotation is None:
            return samples
        return Samples(turn(samples.values, rotation), samples.times, samples.gap)

    def hear(self, event: Event) -> None:
        """Take note of the session: a strap that was put on anew is turned otherwise."""
        now = event.situation
        if now.session == self._session:
            return
        begins = self._session is None and now.state in ("recording", "testing")
        anew = not (begins and now.position == self._position)
        self._session, self._position = now.session, now.position
        if anew:
            self._forget_rotation()

    @property
    def hints(self) -> tuple[str, ...]:
        """What is doubtful about how the sensor is worn; sentences."""
        place = self._mountings.at(self._position)
        return (PUT_ON_ANEW,) if place is not None and place.turned is None else ()

    def condition(self, chip: Mpu6050) -> CalibrationCondition:
        """Say what is taken out."""
        gyro = self.calibration.gyro if self.calibration else None
        accel = self.calibration.accel if self.calibration else None
        place = self._mountings.at(self._position)
        rotation = self._rotation
        return CalibrationCondition(
            used=chip.calibrated,
            gyro=gyro.made if gyro else None,
            accel=accel.made if accel else None,
            residual_mg=round(1000 * accel.residual, 1) if accel else None,
            temperature_c=gyro.temperature if gyro else accel.temperature if accel else None,
            mounting=place.turned_made if place else None,
            turned_degrees=None if rotation is None else round(angle_of(rotation), 0),
        )

    def _known_rotation(self) -> NDArray[np.float64] | None:
        place = self._mountings.at(self._position)
        return place.rotation if place else None

    def _forget_rotation(self) -> None:
        self._rotation = None
        place = self._mountings.places.get(self._position)
        if place is None or place.turned is None:
            return
        place = place.put_on_anew()
        self._mountings = self._mountings.with_place(self._position, place)
        log.warning("%s", PUT_ON_ANEW)
        # Whoever tells of events does not wait for the disk.
        self._supervisor.thread(self._keep, "mounting-file").start()

    def _keep(self) -> None:
        with self._lock:
            try:
                write_document(self._path, self._mountings)
            except CalibrationError as error:
                log.warning("%s", error)

    def _warn(self, error: CalibrationError) -> None:
        log.warning("%s Going on without it.", error)
        self.notices += (str(error),)


_RECORDING: Final = ("recording", "testing")

_PAUSE_SECONDS: Final = 2.0
"""Time without a window after which it has slept."""


class PowerSaving:
    """Tells the sampler to let the chip sleep.

    A wearer never holds so still; see
    `harpi.signal.orientation`. So it is a sensor that lies about.

    Args:
        section: `rest_minutes` says after how long; where it is not given, never.
        nap: tells the sampler.
    """

    def __init__(self, section: SensorSection, nap: Callable[[], None]) -> None:
        self._seconds = None if section.rest_minutes is None else 60 * section.rest_minutes
        self._nap = nap
        self._watch = WornWatch(self._seconds or 0.0)
        self._recording = False
        self._seen = float("-inf")

    def see(self, verdict: Verdict) -> None:
        """Take the next verdict, on the thread of the recognition."""
        if self._seconds is None:
            return
        window = verdict.window
        if self._recording or window.start > self._seen + _PAUSE_SECONDS:
            self._watch = WornWatch(self._seconds)  # the minutes begin anew
        self._seen = window.end
        if not self._watch.worn(window) and not self._recording:
            self._nap()

    def hear(self, event: Event) -> None:
        """Take note of the session."""
        self._recording = event.situation.state in _RECORDING

    def may_nap(self) -> bool:
        """Whether no take is being recorded; from any thread."""
        return not self._recording


NOT_WORN: Final = (
    f"For more than {STILL_SECONDS:.0f} s the sensor has been stiller than a body can be: it "
    "is not worn, and the answers mean nothing."
)

ASLEEP: Final = (
    "The sensor sleeps, because nothing has moved for minutes (sensor.rest_minutes). It wakes "
    "as soon as it is moved."
)

STRANGE: Final = (
    f"For {STRANGE_SECONDS:.0f} s the sensor has been held as in none of your takes. If the "
    "strap is turned, put it back, or record every activity again as it is worn now. If this "
    "is "
    "an activity that harpi was not trained on, record it."
)


class Wearing:
    """Looks at every verdict; `see` belongs to the thread of the recognition.

    Attributes:
        posture: knows how the sensor was held in the takes.
        worn: whether the sensor was worn at the end of the last window; None before one.
    """

    def __init__(self) -> None:
        self.posture = PostureWatch()
        self.worn: bool | None = None
        self._strange = False

    def see(self, verdict: Verdict) -> None:
        """Take the next verdict."""
        self.worn = verdict.worn
        self._strange = self.posture.strange(verdict.window) and verdict.worn is not False

    def hints(self, state: SensorState, *, learnt: bool) -> tuple[str, ...]:
        """Say what is doubtful about it and what to do, in sentences.

        Args:
            state: of the sensor; without samples nobody knows how it is worn.
            learnt: the personal model has learnt something that a turned strap could spoil.
        """
        if state == "asleep":
            return (ASLEEP,)
        if state != "running":
            return ()
        if self.worn is False:
            return (NOT_WORN,)
        return (STRANGE,) if learnt and self._strange else ()
