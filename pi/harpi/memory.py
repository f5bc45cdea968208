"""Memory that nobody uses any more, given back to the system."""

from __future__ import annotations

import contextlib


def give_back_memory() -> None:
    """Give freed memory back to the system, where the C library can (glibc: malloc_trim(3)).

    It keeps what was freed for the next time, in each thread's arena. After a training that is
    half as much again as the whole daemon needs, and on a small Pi it is wanted elsewhere.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # musl and others have no such call
        ctypes.CDLL(None).malloc_trim(0)
