"""The I2C messages of a real process, answered by the emulator.

A request is ``u16 operation, u16 argument``. Of a transfer the argument is the number of
messages, which follow: ``u16 address, u16 flags, u16 length``, and the bytes of one that
writes. Of a claim it is the address. A reply is ``s32 outcome``, negative for an errno, and
the bytes of the messages that read. The shim sends these over a socket, the adapter of the
kernel (`kernel/i2c-answered.c`) over its device node.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import Final

from harpi.errors import SensorError
from harpi.imu.bus import Bus

CLAIM: Final = 1
READ_FLAG: Final = 1  # I2C_M_RD of linux/i2c.h

LARGEST: Final = 65536
"""Bytes of a message, either way."""


@dataclass
class Adapter:
    """An I2C adapter in front of an emulated bus, as strict as the one of a Pi.

    Attributes:
        bus: what is behind it.
        at_open: errno with which the device node refuses to be opened; 0 for none.
        at_claim: errno for whoever wants an address; 0 for none.
        at_transfer: errno of every transfer; 0 where the bus decides.
    """

    bus: Bus
    at_open: int = 0
    at_claim: int = 0
    at_transfer: int = 0

    def greeting(self) -> bytes:
        """Reply to the opening of the node."""
        return struct.pack("=i", -self.at_open)

    def answer(self, request: bytes) -> bytes:
        """Reply to a request."""
        operation, argument = struct.unpack_from("=HH", request)
        try:
            if operation == CLAIM:
                _fail_with(self.at_claim)
                return struct.pack("=i", 0)
            _fail_with(self.at_transfer)
            content = self._transfer(_messages(request[4:], argument))
            return struct.pack("=i", argument) + content
        except OSError as error:
            return struct.pack("=i", -(error.errno or errno.EIO))

    def _transfer(self, messages: list[_Message]) -> bytes:
        """Hand a transfer to the bus: a write, a read, or both at one address.

        A bcm2835 can do no more (drivers/i2c/busses/i2c-bcm2835.c).
        """
        writes = [message for message in messages if not message.length]
        reads = [message for message in messages if message.length]
        addresses = {message.address for message in messages}
        if len(addresses) != 1 or len(writes) > 1 or messages != [*writes, *reads][:2]:
            raise SensorError("no such transfer on a Pi", errno=errno.EOPNOTSUPP)
        written = writes[0].content if writes else b""
        return self.bus.transfer(addresses.pop(), written, reads[0].length if reads else 0)


@dataclass(frozen=True)
class _Message:
    """One message; `length` is that of a read, 0 for a write."""

    address: int
    content: bytes
    length: int


def _messages(encoded: bytes, count: int) -> list[_Message]:
    messages, at = [], 0
    for _ in range(count):
        address, flags, length = struct.unpack_from("=HHH", encoded, at)
        at += 6
        if flags & READ_FLAG:
            messages.append(_Message(address, b"", length))
        else:
            messages.append(_Message(address, encoded[at : at + length], 0))
            at += length
    return messages


def _fail_with(number: int) -> None:
    if number:
        raise OSError(number, errno.errorcode[number])
