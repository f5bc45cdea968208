"""A place to calibrate at: the sensor claimed, sampled, and put back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from harpi.calibrate.bench import Bench
from harpi.calibrate.guide import Guide, Guides
from harpi.calibrate.lamp import Lamp
from harpi.config.schema import Config
from harpi.controls.gpio import Gpio
from harpi.daemon.claim import SensorClaim
from harpi.daemon.sensor import make_chip
from harpi.errors import ControlError
from harpi.imu.bus import Bus, SmbusBus
from harpi.imu.calibration import Calibration
from harpi.timebase import Timebase


@contextlib.contextmanager
def bench_at(
    config: Config,
    timebase: Timebase,
    guide: Guide,
    *,
    bus: Bus | None = None,
    gpio: Gpio | None = None,
    calibration: Calibration | None = None,
) -> Iterator[tuple[Bench, Guide]]:
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
                guides.append(Lamp(gpio, config.leds.status, timebase))
            except ControlError as error:
                guide.say(f"{error} Going on without the light.")
        everybody = Guides(guides)
        chip = make_chip(config, bus, timebase, calibration)
        bench = Bench(chip, timebase, everybody.tick)
        cleanup.callback(bench.close)
        try:
            yield bench, everybody
        except BaseException:
            everybody.show("failed")
            raise
