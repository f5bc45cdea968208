"""What the doctor has in front of it: a configuration, a computer, perhaps a live daemon."""

from __future__ import annotations

from collections.abc import Callable

from harpi.config.schema import Config
from harpi.controls.gpio import Gpio
from harpi.daemon.claim import SensorClaim
from harpi.doctor.computer import Computer
from harpi.doctor.finding import NotExamined
from harpi.doctor.guide import Guide
from harpi.imu.bus import Bus
from harpi.imu.calibration import Calibration
from harpi.imu.clones import ChipIdentity
from harpi.imu.health import SensorHealth
from harpi.imu.register_access import RegisterAccess
from harpi.imu.rest import Rest
from harpi.publish.condition import Condition
from harpi.timebase import Timebase


class Patient:
    """What is examined, and what earlier checks have learnt of it.

    Args:
        config: all settings.
        computer: what harpi runs on.
        timebase: the time of the bus.
        open_bus: opens the bus that is configured.
        open_gpio: opens the pins.
        emulated: the sensor is emulated: no daemon is asked, nothing is claimed.
        guide: a person who presses buttons and looks at lights; None where there is none.

    Attributes:
        condition: what the running daemon says; None where none runs.
        hands_off: why the sensor and the pins must be left alone; empty where they need not.
        bus: the open bus; None before it was opened.
        bus_hangs: a check of the sensor did not come back.
        identity: what answers at the address; None before it was asked.
        health: of the sampling; None before.
        rest: what the samples show; None before.
        calibration: of the chip; None before sampling, and where there is none.
        calibrated: it is this chip's, and was taken out of the samples.
    """

    def __init__(
        self,
        config: Config,
        computer: Computer,
        *,
        timebase: Timebase,
        open_bus: Callable[[], Bus],
        open_gpio: Callable[[], Gpio],
        emulated: bool = False,
        guide: Guide | None = None,
    ) -> None:
        self.config = config
        self.computer = computer
        self.timebase = timebase
        self.emulated = emulated
        self.guide = guide
        self.open_gpio = open_gpio
        self._open_bus = open_bus
        self._claim: SensorClaim | None = None
        self.condition: Condition | None = None
        self.hands_off = ""
        self.bus: Bus | None = None
        self.bus_hangs = False
        self.identity: ChipIdentity | None = None
        self.health: SensorHealth | None = None
        self.rest: Rest | None = None
        self.calibration: Calibration | None = None
        self.calibrated = False

    @property
    def sampled_by_daemon(self) -> bool:
        """Whether a running daemon has the sensor, and it works."""
        return self.condition is not None and self.condition.health.sensor.fault is None

    def open_the_bus(self) -> Bus:
        """Open the bus, once.

        Raises:
            SensorError: it cannot be opened.
        """
        if self.bus is None:
            self.bus = self._open_bus()
        return self.bus

    def registers(self, address: int | None = None) -> RegisterAccess:
        """Reach the registers of a chip; of the configured one where no address is given.

        Raises:
            NotExamined: the bus could not be opened.
        """
        if self.bus is None:
            raise NotExamined("the bus could not be opened")
        return RegisterAccess(self.bus, self.timebase, address or self.config.sensor.address)

    def require_chip(self) -> ChipIdentity:
        """Give what answers at the address.

        Raises:
            NotExamined: nothing does that harpi can read.
        """
        if self.identity is None:
            raise NotExamined("no chip answers")
        return self.identity

    def require_alone(self) -> None:
        """Make sure that nobody else uses the sensor and the pins.

        Raises:
            NotExamined: somebody does.
        """
        if self.hands_off:
            raise NotExamined(self.hands_off)

    def claim(self) -> None:
        """Keep other programs of harpi from the sensor until `close`.

        Raises:
            AlreadyRunning: one of them uses it.
        """
        self._claim = SensorClaim(self.config)

    def close(self) -> None:
        """Leave the sensor to others; closing twice is harmless."""
        if self.bus is not None and not self.bus_hangs:
            self.bus.close()
        if self._claim is not None:
            self._claim.release()
