"""Drivers that nobody here wrote, on an emulated bus: Adafruit's and mpu6050-raspberrypi."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from harpi.imu.bus import Bus
from harpi.imu.emulator import VirtualTime


class CircuitPythonI2C:
    """`busio.I2C` as Adafruit's drivers use it, on a harpi bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def writeto(
        self, address: int, buffer: bytes, *, start: int = 0, end: int | None = None
    ) -> None:
        self._bus.transfer(address, bytes(buffer[start:end]))

    def readfrom_into(
        self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None
    ) -> None:
        target = memoryview(buffer)[start:end]
        target[:] = self._bus.transfer(address, b"", len(target))

    def writeto_then_readfrom(
        self,
        address: int,
        out_buffer: bytes,
        in_buffer: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        written = bytes(out_buffer[out_start:out_end])
        target = memoryview(in_buffer)[in_start:in_end]
        target[:] = self._bus.transfer(address, written, len(target))


class SMBus:
    """`smbus.SMBus` as far as drivers use it, on a harpi bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def read_byte(self, address: int) -> int:
        return self._bus.transfer(address, b"", 1)[0]

    def write_byte(self, address: int, value: int) -> None:
        self._bus.transfer(address, bytes([value]))

    def read_byte_data(self, address: int, register: int) -> int:
        return self._bus.transfer(address, bytes([register]), 1)[0]

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._bus.transfer(address, bytes([register, value]))

    def read_word_data(self, address: int, register: int) -> int:
        return int.from_bytes(self._bus.transfer(address, bytes([register]), 2), "little")

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        return list(self._bus.transfer(address, bytes([register]), length))

    def write_i2c_block_data(self, address: int, register: int, values: list[int]) -> None:
        self._bus.transfer(address, bytes([register, *values]))


@contextmanager
def adafruit(bus: Bus, time: VirtualTime, address: int = 0x68) -> Iterator[Any]:
    """Give `adafruit_mpu6050.MPU6050` on `bus`, sleeping in virtual time."""
    import adafruit_mpu6050

    with mock.patch.object(adafruit_mpu6050, "sleep", time.advance):
        yield adafruit_mpu6050.MPU6050(CircuitPythonI2C(bus), address)


@contextmanager
def mpu6050_raspberrypi(bus: Bus, address: int = 0x68) -> Iterator[Any]:
    """Give `mpu6050.mpu6050` of the package mpu6050-raspberrypi on `bus`."""
    smbus = types.ModuleType("smbus")
    smbus.SMBus = lambda number: SMBus(bus)  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"smbus": smbus}):
        sys.modules.pop("mpu6050.mpu6050", None)
        sys.modules.pop("mpu6050", None)
        from mpu6050 import mpu6050

        yield mpu6050(address)
