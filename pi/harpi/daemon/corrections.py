"""What is taken out of the signal: the errors of the chip, and the turn of the strap."""

from __future__ import annotations

import logging
import threading
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.commands import Event
from harpi.config.schema import Config
from harpi.daemon.background import Background
from harpi.documents import write_document
from harpi.errors import CalibrationError
from harpi.imu.calibration import FILE_NAME, Calibration, read_calibration
from harpi.imu.mpu6050 import Mpu6050
from harpi.publish.condition import CalibrationCondition
from harpi.signal.mounting import angle_of, turn
from harpi.signal.mounting_file import FILE_NAME as MOUNTING_FILE
from harpi.signal.mounting_file import Mountings, read_mountings
from harpi.types import Samples

PUT_ON_ANEW: Final = (
    "The strap was put on anew, and how it is turned now is not known: `harpi calibrate "
    "mounting` finds out, standing still and walking."
)

log = logging.getLogger(__name__)


class Corrections:
    """The calibrations of this device, as they stand in the folder of its state.

    A file that cannot be used is said, and the signal is left as it is.

    Args:
        config: of the device.

    Attributes:
        calibration: of the chip; None where there is none. The driver takes it out.
        notices: what is wrong with the files, and what to do; sentences.
    """

    def __init__(self, config: Config) -> None:
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
        mountings = self._mountings
        Background(lambda: self._keep(mountings))  # whoever tells of events does not wait

    def _keep(self, mountings: Mountings) -> None:
        with self._lock:
            try:
                write_document(self._path, mountings)
            except CalibrationError as error:
                log.warning("%s", error)

    def _warn(self, error: CalibrationError) -> None:
        log.warning("%s Going on without it.", error)
        self.notices += (str(error),)
