"""Memory that nobody uses any more: little of it kept, and what is given back to the system."""

from __future__ import annotations

import contextlib
from typing import Final

_ARENA_MAX: Final = -8
"""M_ARENA_MAX of mallopt(3), from malloc.h of glibc."""
_ARENAS: Final = 2


def use_few_arenas() -> None:
    """Let all threads share what is freed, where the C library can (glibc: mallopt(3)).

    Without this nearly every thread gets an arena of its own, up to eight for each core, and
    what one thread frees is of no use to the others: a daemon of many threads, of which one
    works at a time, holds a sixth more memory than it needs, and more as days go by.
    To be called before the threads start.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # musl and others have no such call
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def give_back_memory() -> None:
    """Give freed memory back to the system, where the C library can (glibc: malloc_trim(3)).

    It keeps what was freed for the next time, in each thread's arena. After a training that is
    half as much again as the whole daemon needs, and on a small Pi it is wanted elsewhere.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # musl and others have no such call
        ctypes.CDLL(None).malloc_trim(0)
