from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harpi.memory import give_back_memory, use_few_arenas

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


COUNT_ARENAS = """
import ctypes, sys, threading
from harpi.memory import use_few_arenas

if sys.argv[1] == "few":
    use_few_arenas()
barrier = threading.Barrier(8)
def work():
    kept = bytearray(100_000)
    barrier.wait()
for thread in (threads := [threading.Thread(target=work) for _ in range(8)]):
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_info is of glibc")
@pytest.mark.parametrize(("how", "few"), [("few", True), ("many", False)])
def test_threads_share_few_arenas(how: str, few: bool) -> None:
    said = subprocess.run(
        [sys.executable, "-c", COUNT_ARENAS, how], capture_output=True, check=True, text=True
    ).stdout
    assert (said.count("<heap nr=") <= 2) is few


def test_where_the_library_cannot_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    give_back_memory()
    use_few_arenas()
