"""A real kernel as a process: User-Mode Linux from the distribution's source.

What is built: `kernel/kernel.config` on top of the smallest configuration, with the adapter
`kernel/i2c-answered.c` in it, and `kernel/uml.patch`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from deb.step import step

from tests.labs.rigs.cache import HERE, RigError, cached

SOURCE: Final = Path("/usr/src/linux-source-6.12.tar.xz")
PACKAGE: Final = "linux-source-6.12"
PARTS: Final = HERE / "kernel"

_UNUSED: Final = [
    f"*/{folder}/*.[ch]"
    for folder in (
        "drivers/gpu",
        "drivers/media",
        "drivers/net/ethernet",
        "drivers/net/wireless",
        "drivers/scsi",
        "drivers/staging",
        "sound",
    )
] + ["*/Documentation/*.rst", "*/tools/testing/*", "*.dts", "*.dtsi"]
"""More than half of the source, which takes long to write to the disk."""


def kernel() -> Path:
    """Give the kernel, built if it is not there yet.

    Raises:
        BuildError: it cannot be built.
    """
    if not SOURCE.exists():
        raise RigError(f"the kernel's source is missing: sudo apt install {PACKAGE}.")
    version = step(
        "dpkg tells the version", ["dpkg-query", "-W", "-f", "${Version}", PACKAGE], seconds=60
    )
    ingredients: list[str | Path] = [version, *sorted(PARTS.iterdir())]
    return cached("kernel", ingredients, _build, megabytes=2500) / "linux"


def _build(target: Path) -> None:
    folder = target / "source"
    folder.mkdir()

    def run(*words: str | Path, seconds: float = 300) -> None:
        step("the kernel is built", words, seconds=seconds, folder=folder)

    excluded = [f"--exclude={pattern}" for pattern in _UNUSED]
    run("tar", "--extract", "--file", SOURCE, "--strip-components=1", *excluded, seconds=900)
    run("patch", "-p1", "-i", PARTS / "uml.patch")
    busses = folder / "drivers/i2c/busses"
    (busses / "i2c-answered.c").write_bytes((PARTS / "i2c-answered.c").read_bytes())
    with (busses / "Makefile").open("a") as makefile:
        makefile.write("obj-y += i2c-answered.o\n")
    run("make", "ARCH=um", "tinyconfig")
    run("scripts/kconfig/merge_config.sh", "-m", ".config", PARTS / "kernel.config")
    run("make", "ARCH=um", "olddefconfig")
    _check_configuration(folder / ".config")
    run("nice", "make", "ARCH=um", f"-j{os.cpu_count()}", "linux", seconds=3000)
    run("strip", "-o", "../linux", "linux")
    shutil.rmtree(folder)


def _check_configuration(path: Path) -> None:
    """Refuse a kernel that would silently lack what the rigs need."""
    present = set(path.read_text().splitlines())
    wanted = (PARTS / "kernel.config").read_text().splitlines()
    missing = [line for line in wanted if line.startswith("CONFIG_") and line not in present]
    if missing:
        raise RigError(f"the kernel cannot be configured with {', '.join(missing)}.")
