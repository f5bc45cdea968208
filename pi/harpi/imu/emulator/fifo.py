"""The chip's FIFO: bytes in, bytes out, and the oldest bytes lost when it runs over."""

from __future__ import annotations


class Fifo:
    """A byte queue as in the MPU-6050 (RM-MPU-6000A r4.2, registers 0x72 to 0x74).

    It knows nothing of frames. Where its size is no multiple of the frame, an overflow
    therefore leaves it out of step, as it does on the chip: 1024 mod 12 is 4.

    Args:
        size: bytes that it holds.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._bytes = bytearray()
        self._last = 0

    def __len__(self) -> int:
        return len(self._bytes)

    def push(self, content: bytes) -> bool:
        """Append bytes; return whether older ones had to be dropped to make room."""
        self._bytes += content
        excess = len(self._bytes) - self.size
        if excess <= 0:
            return False
        del self._bytes[:excess]
        return True

    def pop(self, count: int) -> bytes:
        """Take the `count` oldest bytes; once empty, the last byte is repeated."""
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        if taken:
            self._last = taken[-1]
        return taken + self.repeat(count - len(taken))

    def repeat(self, count: int) -> bytes:
        """Give the byte that was popped last, `count` times."""
        return bytes([self._last]) * count

    def clear(self) -> None:
        """Forget everything, the last byte too."""
        self._bytes.clear()
        self._last = 0
