r"""An MPU-6050 without the chip: registers, FIFO, clock, bus and faults, moved by a recording.

A test bench, a demonstration and a laptop without a sensor all use it in the same way:

    >>> from harpi.imu.emulator import Chip, EmulatedBus, Still, VirtualTime
    >>> time = VirtualTime()
    >>> bus = EmulatedBus({0x68: Chip(Still(), time)}, time)
    >>> bus.transfer(0x68, b"\x75", 1)
    b'h'
"""

from harpi.imu.emulator.bus import Account, EmulatedBus, Fault, FaultKind, FaultPlan, wire_bits
from harpi.imu.emulator.chip import Chip
from harpi.imu.emulator.motion import Motion, Playback, Still, Tumbling, rotation_matrix
from harpi.imu.emulator.virtual_time import VirtualTime

__all__ = [
    "Account",
    "Chip",
    "EmulatedBus",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "Motion",
    "Playback",
    "Still",
    "Tumbling",
    "VirtualTime",
    "rotation_matrix",
    "wire_bits",
]
