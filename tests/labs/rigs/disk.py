"""A disk that remembers, fills up, is slow, or cannot be written, for programs run by a test.

It is `disk.c`, which stands between a program and its files; see there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).with_name("disk.c")


@dataclass(frozen=True)
class Event:
    """One change: `op` is w (write), t (truncate), s (sync) or u (unlink) of a file.

    Or r, the file gets the name in `data`; d, a directory is made; S, one is synced.
    """

    op: str
    name: str
    offset: int
    data: bytes


def build(folder: Path) -> Path:
    """Compile the disk and return the library."""
    library = folder / "disk.so"
    subprocess.run(
        ["cc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", SOURCE, "-o", library, "-ldl"],
        check=True,
    )
    return library


def run_on(
    library: Path,
    folder: Path,
    module: str,
    *arguments: str,
    log: Path | None = None,
    room: int | None = None,
    read_only: bool = False,
    seconds: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests while the files in `folder` are on such a disk.

    Args:
        library: as from `build`.
        folder: where the disk is.
        module: name, e.g. `tests.labs.rigs.store_workload`.
        arguments: of the module.
        log: remember every change here.
        room: bytes after which the disk is full.
        read_only: nothing can be written.
        seconds: after which it is given up.
    """
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "DISK_FOLDER": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if log is not None:
        environment["DISK_LOG"] = str(log)
    if room is not None:
        environment["DISK_BYTES"] = str(room)
    if read_only:
        environment["DISK_READ_ONLY"] = "1"
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def read_log(path: Path) -> list[Event]:
    """Read what a disk remembered."""
    return list(_events(path.read_bytes()))


def _events(content: bytes) -> Iterator[Event]:
    at = 0
    while at < len(content):
        end = content.index(b"\n", at)
        op, name, offset, length = content[at:end].decode().split()
        size = int(length) if op in "wr" else 0
        yield Event(op, name, int(offset), content[end + 1 : end + 1 + size])
        at = end + 1 + size
