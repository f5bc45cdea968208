"""What machine this is: its model, operating system, width and Python."""

from __future__ import annotations

import platform
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODEL_FILES: Final = ("proc/device-tree/model", "sys/firmware/devicetree/base/model")
BOOT_FILES: Final = ("boot/firmware/config.txt", "boot/config.txt")
"""Where Bookworm and later, and older systems, have config.txt."""

_ELF: Final = b"\x7fELF"
_ELF_CLASSES: Final = {1: 32, 2: 64}  # elf(5), EI_CLASS
_SYSTEM_RUNS: Final = Path("/run/systemd/system")  # sd_booted(3)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that runs, or the root of one in a folder.

    Attributes:
        root: its file system; `/` for the machine that this runs on.
        model: as the board calls itself; empty where it has no name.
        system: name of the operating system.
        release: code name of the operating system, e.g. `trixie`.
        processor: the kernel's name of it, e.g. `aarch64`; empty where it does not run.
        bits: width of the programs of the operating system. A 32-bit system may have a
            64-bit kernel.
        python: version of the Python that harpi runs on there.
        boot_file: config.txt; None where there is none.
        managed: systemd runs.
    """

    root: Path
    model: str
    system: str
    release: str
    processor: str
    bits: int
    python: tuple[int, int]
    boot_file: Path | None
    managed: bool

    @property
    def live(self) -> bool:
        """Whether it is the machine that this runs on."""
        return self.root == Path("/")

    @property
    def is_pi(self) -> bool:
        """Whether it is a Raspberry Pi, or the root of one that does not run."""
        if self.model:
            return self.model.startswith("Raspberry Pi")
        return not self.live and self.boot_file is not None

    def at(self, path: str) -> Path:
        """Give a file of its own, e.g. `/etc/passwd`."""
        return self.root / path.lstrip("/")

    def __str__(self) -> str:
        model = self.model or ("Raspberry Pi" if self.is_pi else "No Raspberry Pi")
        python = ".".join(map(str, self.python))
        return f"{model}, {self.system}, {self.bits} bits, Python {python}"


def detect(root: Path = Path("/")) -> Machine:
    """Look at a machine.

    Args:
        root: its file system.
    """
    live = root == Path("/")
    release = _os_release(root)
    boots = [root / name for name in BOOT_FILES if (root / name).is_file()]
    return Machine(
        root=root,
        model=_model(root),
        system=release.get("PRETTY_NAME", "an unknown system"),
        release=release.get("VERSION_CODENAME", ""),
        processor=platform.machine() if live else "",
        bits=struct.calcsize("P") * 8 if live else _bits_of(root),
        python=sys.version_info[:2] if live else _python_of(root),
        boot_file=boots[0] if boots else None,
        managed=live and _SYSTEM_RUNS.is_dir(),
    )


def boot_id() -> str:
    """Give the name that the kernel has for the time since it started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _model(root: Path) -> str:
    for name in MODEL_FILES:
        try:
            return (root / name).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
        except OSError:
            continue
    return ""


def _os_release(root: Path) -> dict[str, str]:
    """Read os-release(5)."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        try:
            text = (root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        pairs = (line.partition("=") for line in text.splitlines())
        return {key: value.strip("\"'") for key, _, value in pairs if key.isidentifier()}
    return {}


def _bits_of(root: Path) -> int:
    """Look at how wide the programs of a system in a folder are."""
    for name in ("usr/bin/dpkg", "bin/sh", "usr/bin/env"):
        try:
            with (root / name).open("rb") as file:
                head = file.read(5)
        except OSError:
            continue
        if head[:4] == _ELF:
            return _ELF_CLASSES.get(head[4], 64)
    return 64


def _python_of(root: Path) -> tuple[int, int]:
    """Look at which Python a system in a folder calls python3."""
    try:
        target = str((root / "usr/bin/python3").readlink())
    except OSError:
        return sys.version_info[:2]
    found = re.search(r"python3\.(\d+)$", target)
    return (3, int(found[1])) if found else sys.version_info[:2]
