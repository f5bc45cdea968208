"""What takes minutes to make is made once, under a hash of what it is made from."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from deb.targets import BuildError

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

PATIENCE: Final = 3600.0
"""Seconds to wait for another run that makes the same thing."""

KEPT: Final = 86_400.0
"""Seconds for which is kept what nobody asked for."""


class RigError(BuildError):
    """Something that this machine lacks for a rig, said in one sentence."""


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
            half-made is removed.
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
        with _alone(name):
            if not done.exists():
                _make(name, folder, make, megabytes)
            done.touch()
    except OSError as error:
        raise RigError(
            f"{name} cannot be kept in {home()}: {error.strerror}; set XDG_CACHE_HOME to a "
            "folder that can be written."
        ) from error
    return folder


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Keep out every other process that wants the same thing."""
    deadline = time.monotonic() + PATIENCE
    with (home() / f"{name}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RigError(
                        f"another process has been making {name} for {PATIENCE:g} s: end it."
                    ) from None
                time.sleep(0.2)
        yield


def _in_use(folder: Path) -> bool:
    """Tell whether a folder was complete and asked for lately, maybe by another checkout."""
    done = folder / ".done"
    return done.exists() and time.time() - done.stat().st_mtime < KEPT


def _make(name: str, folder: Path, make: Callable[[Path], None], megabytes: int) -> None:
    for other in home().glob(f"{name}-{'?' * 12}"):
        if not _in_use(other):
            shutil.rmtree(other)
    free = shutil.disk_usage(home()).free // 1_000_000
    if free < megabytes:
        raise RigError(
            f"{name} needs {megabytes} MB on the disk of {home()}, which has {free} MB left: "
            "make room, or set XDG_CACHE_HOME to another disk."
        )
    print(f"rigs: making {name} (once) ...", file=sys.stderr, flush=True)
    begun = time.monotonic()
    folder.mkdir()
    try:
        make(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    took = time.monotonic() - begun
    print(f"rigs: {name} is made, {took:.0f} s", file=sys.stderr, flush=True)
