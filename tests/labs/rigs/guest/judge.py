"""The kernel's own driver, inv_mpu6050, reads the emulated chip beside ours.

Nobody of harpi wrote it: where both read the same, the emulator and our driver are right for
more than one reason.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from harpi.imu.bus import SmbusBus
from harpi.imu.emulator.bus import EmulatedBus
from harpi.imu.emulator.chip import Chip
from harpi.imu.mpu6050 import Mpu6050
from harpi.timebase import SystemTime
from harpi.types import FloatArray, TimeArray
from tests.labs.rigs.guest.board import Board
from tests.labs.rigs.guest.report import report
from tests.labs.rigs.wire import Adapter
from tests.support.command import harpi

ADDRESS: Final = 0x68
RANGES: Final = ((2, 250), (4, 500), (8, 1000), (16, 2000))
RATES: Final = (50, 100)
SECONDS: Final = 2.0
MOTION: Final = (0.11, -0.47, 0.83, 32.0, -72.0, 142.0)
"""g and deg/s; each axis differs, and none lies half-way between two words at any range."""

CHANNELS: Final = ("accel_x", "accel_y", "accel_z", "anglvel_x", "anglvel_y", "anglvel_z")


class Turning:
    """A chip that is turned and pulled evenly, for ever."""

    revision = 0

    def values(self, times: TimeArray) -> FloatArray:
        return np.tile(np.array(MOTION, np.float32), (len(times), 1))


class Kernel:
    """The kernel's driver, by its files."""

    def __init__(self) -> None:
        (self.folder,) = Path("/sys/bus/iio/devices").glob("iio:device*")
        self.name = self._read("name")

    def values(self, scale: int) -> dict[str, Any]:
        """Set a range by its place in the list of scales, and read all axes."""
        for kind in ("accel", "anglvel"):
            choices = self._read(f"in_{kind}_scale_available").split()
            self._write(f"in_{kind}_scale", choices[scale])
        time.sleep(0.1)
        return {
            "raw": [int(self._read(f"in_{channel}_raw")) for channel in CHANNELS],
            "scale": [float(self._read(f"in_{kind}_scale")) for kind in ("accel", "anglvel")],
            "temperature": (int(self._read("in_temp_raw")) + int(self._read("in_temp_offset")))
            * float(self._read("in_temp_scale"))
            / 1000,
        }

    def stream(self, rate: int, seconds: float, board: Board) -> dict[str, Any]:
        """Read through FIFO, interrupt and buffer, at a rate."""
        self._write("sampling_frequency", str(rate))
        for channel in CHANNELS:
            self._write(f"scan_elements/in_{channel}_en", "1")
        self._write("scan_elements/in_timestamp_en", "1")
        self._write("buffer/length", "4096")
        ended = threading.Event()
        thread = threading.Thread(target=_interrupt, args=(board, rate, ended))
        self._write("buffer/enable", "1")
        thread.start()
        time.sleep(seconds)
        node = os.open(f"/dev/{self.folder.name}", os.O_RDONLY | os.O_NONBLOCK)
        content = os.read(node, 1 << 16)
        ended.set()
        thread.join()
        os.close(node)
        self._write("buffer/enable", "0")
        # Six words, big-endian, and a time in ns at the next multiple of 8 bytes.
        frames = [struct.unpack_from(">6h", content, at) for at in range(0, len(content), 24)]
        return {"frames": frames, "seconds": seconds}

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text().strip()

    def _write(self, name: str, content: str) -> None:
        (self.folder / name).write_text(content)


def _interrupt(board: Board, rate: int, ended: threading.Event) -> None:
    """Pulse the INT pin at every sample, as the chip does."""
    while not ended.wait(1 / rate):
        board.interrupt()


def ours(accel_range: int, gyro_range: int, rate: int = 50) -> dict[str, Any]:
    """Read with our driver, through smbus2 and the kernel's bus."""
    bus = SmbusBus(1)
    settings = {"accel_range": accel_range, "gyro_range": gyro_range, "rate": rate}
    chip = Mpu6050(bus, SystemTime(), address=ADDRESS, **settings)
    moment = chip.start()
    time.sleep(0.6)
    batch = chip.read()
    temperature = chip.temperature()
    chip.close()
    bus.close()
    return {
        "values": batch.values[-1].tolist(),
        "temperature": temperature,
        "rate": batch.latch.frames / (batch.latch.before - moment),
    }


def work() -> dict[str, Any]:
    timebase = SystemTime()
    chip = Chip(Turning(), timebase, noise=False)
    board = Board(Adapter(EmulatedBus({ADDRESS: chip}, timebase)))
    found: dict[str, Any] = {"ours": [ours(*ranges) for ranges in RANGES]}
    found["our_rates"] = [ours(2, 250, rate)["rate"] for rate in RATES]
    board.attach(ADDRESS)
    kernel = Kernel()
    found["name"] = kernel.name
    found["kernel"] = [kernel.values(scale) for scale in range(len(RANGES))]
    found["streams"] = [kernel.stream(rate, SECONDS, board) for rate in RATES]
    busy = harpi("run", "--set", "mqtt.enabled=false")
    found["busy"] = {"code": busy.returncode, "said": busy.stderr}
    return found


if __name__ == "__main__":
    report(work)
