"""What machine this is, which packages fit it, and how programs of it are run.

What exists for which system was looked up on the package index; docs/install.md has the
table.
"""

from __future__ import annotations

import errno
import importlib.util
import platform
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from harpi.errors import SetupError

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


Source = Literal["pip", "apt"]

_LITERT_PROCESSORS: Final = ("aarch64", "x86_64", "")

_TFLITE_PYTHONS: Final = ((3, 11),)

_LGPIO_PYTHONS: Final = ((3, 11), (3, 12))


@dataclass(frozen=True, slots=True)
class Choice:
    """The package that does something for harpi on a system.

    Attributes:
        purpose: what it does, for people.
        modules: names of which one is importable where it is there.
        source: who installs it.
        packages: what is asked of that; empty where there is nothing that fits.
        otherwise: what harpi does without it; a sentence. Empty where nothing can be done: what
            was asked for needs it.
        program: a file that is there where it is, for what is no module.
    """

    purpose: str
    modules: tuple[str, ...]
    source: Source
    packages: tuple[str, ...]
    otherwise: str
    program: str = ""

    @property
    def there(self) -> bool:
        """Whether this Python can import it, or the program exists."""
        if self.program:
            return Path(self.program).exists()
        return any(_importable(name) for name in self.modules)

    def command(self, python: str) -> Sequence[str]:
        """Give the command that installs it for a Python."""
        if self.source == "apt":
            return ("apt-get", "install", "--yes", "--no-install-recommends", *self.packages)
        return (python, "-P", "-m", "pip", "install", "--quiet", *self.packages)


def runtime(machine: Machine) -> Choice:
    """Choose the runtime of TensorFlow Lite for a system.

    LiteRT has wheels for 64 bits only; tflite-runtime, for 32 bits, ends with Python 3.11
    and with NumPy 1.
    """
    packages: tuple[str, ...] = ()
    if machine.bits == 64 and machine.processor in _LITERT_PROCESSORS:
        packages = ("ai-edge-litert>=2.1",)
    elif machine.bits == 32 and machine.python in _TFLITE_PYTHONS and not _is_armv6(machine):
        packages = ("tflite-runtime==2.14.0", "numpy<2")
    width = f"Python {machine.python[0]}.{machine.python[1]} with {machine.bits} bits"
    without = (
        "harpi runs its models with NumPy, which gives the same answers and takes some "
        "milliseconds more for each window."
    )
    if not packages:
        without = f"There is no TensorFlow Lite for {width}: {without}"
    return Choice(
        "TensorFlow Lite",
        ("ai_edge_litert", "tflite_runtime"),
        "pip",
        packages,
        without,
    )


def pins_library(machine: Machine) -> Choice:
    """Choose the library for buttons and LEDs.

    lgpio has wheels up to Python 3.12; for later ones Debian has the package.
    """
    from_pip = machine.python in _LGPIO_PYTHONS
    return Choice(
        "buttons and LEDs",
        ("RPi.GPIO",),
        "pip" if from_pip else "apt",
        ("rpi-lgpio>=0.6", "lgpio>=0.2.2.0") if from_pip else ("python3-rpi-lgpio",),
        "Buttons and LEDs cannot be used without it; everything else can.",
    )


def _is_armv6(machine: Machine) -> bool:
    """Whether it is a Pi Zero W, a Pi 1, or one of their like: no wheels are made for it."""
    early = ("Raspberry Pi Zero", "Raspberry Pi Model", "Raspberry Pi Compute Module Rev")
    if machine.processor:
        return machine.processor == "armv6l"
    return machine.model.startswith(early) and "Zero 2" not in machine.model


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


class Run(Protocol):
    """Starts a program and waits for its end."""

    def __call__(self, words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
        """Run a program.

        Args:
            words: its name and arguments.
            text: for its standard input.
            may_fail: give False where it fails, instead of raising.

        Returns:
            Whether it went well.

        Raises:
            SetupError: it is missing, or it failed.
        """
        ...


def run(words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
    """Run a program of this machine; see `Run`."""
    try:
        done = subprocess.run(  # noqa: S603 - the words are those of this package
            words, input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        if may_fail:
            return False
        raise SetupError(
            "this program is missing on this system",
            where=words[0],
            remedy="harpi's service needs a system with systemd",
        ) from error
    if done.returncode and not may_fail:
        said = " ".join((done.stderr or done.stdout).split()) or "without a message"
        raise SetupError(
            f"failed: {said}",
            where=" ".join(words),
            remedy="Correct that, then call this again; it continues from here",
        )
    return done.returncode == 0


_REMEDIES: Final = {
    errno.EACCES: "Call this with sudo",
    errno.EPERM: "Call this with sudo",
    errno.EROFS: "Mount it so that it can be written; with the overlay file system of "
    "raspi-config, switch that off first",
    errno.ENOSPC: "Make room on the disk, then call this again; it continues from here",
}


@contextmanager
def in_words(where: str) -> Iterator[None]:
    """Turn errors of the system into those of harpi.

    Args:
        where: what is being worked on, for errors that name no file.

    Raises:
        SetupError: the system refused something.
    """
    try:
        yield
    except SetupError:
        raise
    except OSError as error:
        raise SetupError(
            f"the system refuses: {error.strerror or error}",
            where=str(error.filename or where),
            remedy=_REMEDIES.get(
                error.errno or 0, "Correct that, then call this again; it continues from here"
            ),
        ) from error
