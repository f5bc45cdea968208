"""A system clock that is set while a program runs; it is `clock.c`, see there."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


def build(folder: Path) -> Path:
    """Compile the clock and return the library."""
    library = folder / "clock.so"
    subprocess.run(
        ["cc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", SOURCE, "-o", library, "-ldl"],
        check=True,
    )
    return library
