"""What takes minutes to make is made once, under a hash of what it is made from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class RigError(Exception):
    """Something that this machine lacks, said in one sentence."""


def home() -> Path:
    """Give the folder of everything that is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "harpi-rigs"


def cached(
    name: str,
    ingredients: Iterable[str | Path],
    make: Callable[[Path], None],
    *,
    megabytes: int,
) -> Path:
    """Give a folder, made if it is not there yet.

    Args:
        name: of the thing.
        ingredients: texts, and files whose content counts.
        make: fills an empty folder, under the name that it will keep; what it leaves
            half-made is never used.
        megabytes: that it needs while it is made.

    Raises:
        RigError: there is no room for it, or `make` says so.
    """
    digest = hashlib.sha256()
    for ingredient in ingredients:
        content = (
            ingredient.read_bytes() if isinstance(ingredient, Path) else ingredient.encode()
        )
        digest.update(hashlib.sha256(content).digest())
    folder = home() / f"{name}-{digest.hexdigest()[:12]}"
    done = folder / ".done"
    try:
        home().mkdir(parents=True, exist_ok=True)
        with (home() / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                _make(name, folder, make, megabytes)
                done.touch()
    except subprocess.CalledProcessError as error:
        raise RigError(f"{name} cannot be made: {error}") from error
    except OSError as error:
        raise RigError(f"the cache of the rigs cannot be written: {error}.") from error
    return folder


def _make(name: str, folder: Path, make: Callable[[Path], None], megabytes: int) -> None:
    for older in home().glob(f"{name}-{'?' * 12}"):
        shutil.rmtree(older)
    free = shutil.disk_usage(home()).free // 1_000_000
    if free < megabytes:
        raise RigError(
            f"{name} needs {megabytes} MB on the disk of {home()}, which has {free} MB left: "
            "make room, or set XDG_CACHE_HOME to another disk."
        )
    print(f"rigs: making {name} (once) ...", flush=True)
    begun = time.monotonic()
    folder.mkdir()
    make(folder)
    print(f"rigs: {name} is made, {time.monotonic() - begun:.0f} s", flush=True)
