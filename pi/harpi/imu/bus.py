"""The narrow gate to the I2C bus: one kind of transfer, and smbus2 behind it."""

from __future__ import annotations

from typing import Protocol


class Bus(Protocol):
    """An I2C bus on which harpi is the only master it knows of."""

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Do one I2C transaction: write, then (after a repeated start) read.

        There is at most one read and it comes last, because the controller of a Pi up to
        model 4 (bcm2835) can do no other. `write` may be empty for a bare read.

        Args:
            address: 7-bit address.
            write: bytes to write, usually a register number and its new contents.
            read_length: bytes to read afterwards; 0 for none.

        Returns:
            The `read_length` bytes that were read.

        Raises:
            SensorError: the leaf that tells what went wrong.
        """
        ...

    def close(self) -> None:
        """Release the bus; closing twice is harmless."""
        ...
