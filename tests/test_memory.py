from __future__ import annotations

import ctypes
import os
import sys
import threading
from pathlib import Path

import pytest

from harpi.memory import give_back_memory

MEGABYTE = 1 << 20


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is needed to see it")
def test_what_a_thread_freed_goes_back_to_the_system() -> None:
    def use_and_free() -> None:
        kept = [bytearray(32 * 1024) for _ in range(4000)]
        last = bytearray(32 * 1024)  # the end of the heap stays in use
        del kept[:]
        held.append(last)

    held: list[bytearray] = []
    give_back_memory()
    thread = threading.Thread(target=use_and_free)
    thread.start()
    thread.join()
    before = resident()
    give_back_memory()
    assert before - resident() > 60 * MEGABYTE


def test_where_the_library_cannot_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    give_back_memory()
