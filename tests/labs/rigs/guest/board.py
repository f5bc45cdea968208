"""What is around the processor of the machine: a sensor on the bus, buttons and lights.

The sensor is the emulator, behind the kernel's adapter; the pins are those of gpio-sim.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Final

from tests.labs.rigs.wire import LARGEST, Adapter

_NODE: Final = "/dev/i2c-answered"
_ATTACH: Final = ord("h") << 8 | 1
_PULSE: Final = ord("h") << 8 | 2

_SET_FLAGS: Final = 0x8914  # SIOCSIFFLAGS of netdevice(7)
_UP: Final = 1

_SIMULATOR: Final = Path("/sys/kernel/config/gpio-sim/board")
_LINES: Final = 54

GPIO: Final = {"RPI_LGPIO_REVISION": "c03111", "RPI_LGPIO_CHIP": "0"}
"""Environment that makes rpi-lgpio take the simulated chip for that of a Pi 4."""


class Board:
    """The board, powered.

    Args:
        adapter: what is on the bus.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._node = os.open(_NODE, os.O_RDWR)
        threading.Thread(target=self._answer, name="bus", daemon=True).start()
        bank = _SIMULATOR / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(str(_LINES))
        (bank / "label").write_text("pinctrl-bcm2711")
        (_SIMULATOR / "live").write_text("1")
        device = (_SIMULATOR / "dev_name").read_text().strip()
        chip = (bank / "chip_name").read_text().strip()
        self._pins = Path("/sys/devices/platform") / device / chip

    def press(self, pin: int, seconds: float = 0.1) -> None:
        """Press a button that connects a pin to ground, and let it go."""
        self._pull(pin, "pull-down")
        time.sleep(seconds)
        self._pull(pin, "pull-up")

    def lit(self, pin: int) -> bool:
        """Tell whether a light is on."""
        return (self._pins / f"sim_gpio{pin}/value").read_text().strip() == "1"

    def attach(self, address: int) -> None:
        """Let the kernel's own driver find an MPU-6050, as `dtoverlay=mpu6050` does.

        Raises:
            OSError: the address is taken.
        """
        fcntl.ioctl(self._node, _ATTACH, address)

    def interrupt(self) -> None:
        """Pulse the INT pin of the sensor."""
        fcntl.ioctl(self._node, _PULSE, 0)

    def _pull(self, pin: int, how: str) -> None:
        (self._pins / f"sim_gpio{pin}/pull").write_text(how)

    def _answer(self) -> None:
        while True:
            request = os.read(self._node, LARGEST)
            os.write(self._node, self._adapter.answer(request))


def loopback_up() -> None:
    """Give the machine a network with nobody else in it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP))
