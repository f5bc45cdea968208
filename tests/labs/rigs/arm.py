"""A Pi's processor and its wheels: Debian for ARM in a folder, run by qemu-user."""

from __future__ import annotations

import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deb.debian import unpack
from deb.lock import pins
from deb.step import step

from tests.labs.rigs.cache import HERE, ROOT, cached

COMPILER_32: Final = "arm-linux-gnueabihf-gcc"
COMPILER_64: Final = "aarch64-linux-gnu-gcc"

LAUNCHER: Final = HERE / "launcher.c"

PLATFORMS: Final = range(17, 37)
"""Minor versions of glibc (2.17 ... 2.36) that wheels for a Pi may ask for."""

_ENTER: Final = """
mount --rbind /dev "$1/dev"
mount --rbind /proc "$1/proc"
mount --rbind /sys "$1/sys"
mount --bind "$2" "$1/source"
mount --bind "$3" "$1/shared"
mount -t tmpfs tmpfs "$1/tmp"
root=$1
shift 3
exec /usr/sbin/chroot "$root" "$@"
"""
"""Shell: in a mount namespace of its own, run a program in a root with the checkout in it."""


@dataclass(frozen=True)
class System:
    """An operating system of a Pi.

    Attributes:
        name: of the cached folders.
        suite: release of Debian.
        architecture: Debian's name of it.
        machine: the kernel's name of it, which wheels carry.
        qemu: program of qemu-user.
        processor: that it emulates; OpenBLAS would else choose instructions which no Pi has
            and which are slow to emulate.
        python: version.
        packages: of Debian, besides Python.
        lock: name of that which has its wheels.
        without: names of what is there for it in another way than as a wheel.
        emulated: programs that are run by qemu, besides Python.
        libraries: folders of the root in which the loader looks besides its own.
    """

    name: str
    suite: str
    architecture: str
    machine: str
    qemu: str
    processor: str
    python: str
    packages: tuple[str, ...]
    lock: str
    without: tuple[str, ...] = ()
    emulated: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    def folder(self) -> Path:
        """Give the root file system, with the wheels in /wheels.

        Raises:
            BuildError: a package or a wheel cannot be had.
        """
        ingredients = [repr(self), Path(__file__), LAUNCHER, self._lock]
        return cached(self.name, ingredients, self._make, megabytes=600)

    def run(
        self, *words: str, shared: Path | None = None, preload: str = "", seconds: float = 300.0
    ) -> str:
        """Run Python there; this checkout is its /source. Give what it prints.

        Args:
            words: of Python's command line.
            shared: a folder that is its /shared.
            preload: a library in there that is loaded before all others.
            seconds: after which it is given up.

        Raises:
            BuildError: it failed or did not end.
        """
        root = self.folder()
        environment = {
            "HOME": "/tmp",
            "LD_LIBRARY_PATH": ":".join(self.libraries),
            "PATH": "/usr/bin",
            "PYTHONPATH": "/source/pi:/wheels",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "QEMU_CPU": self.processor,
            "I2C_SHIM_SOCKET": "/shared/i2c-1",
        }
        if preload:
            environment["QEMU_SET_ENV"] = f"LD_PRELOAD={preload}"
        python = f"/usr/bin/python{self.python}"
        enter = ["unshare", "--mount", "--map-root-user", "sh", "-ec", _ENTER, "sh"]
        return step(
            f"{self.machine} runs {' '.join(words)}",
            [*enter, root, ROOT, shared or ROOT, python, *words],
            seconds=seconds,
            environment=environment,
        )

    @property
    def _lock(self) -> Path:
        return ROOT / "requirements" / f"{self.lock}.lock"

    def _make(self, root: Path) -> None:
        packages = (
            f"python{self.python}-minimal",
            f"libpython{self.python}-stdlib",
            "libstdc++6",
            *self.packages,
        )
        unpack(root, self.suite, self.architecture, packages)
        if not (root / "lib").exists():
            (root / "lib").symlink_to("usr/lib")
        for folder in ("source", "shared", "dev", "proc", "sys", "tmp"):
            (root / folder).mkdir(exist_ok=True)
        for program in (f"/usr/bin/python{self.python}", *self.emulated):
            self._launch_by_qemu(root, program)
        major, minor = map(int, self.python.split("."))
        pinned = pins(self._lock, self.machine, (major, minor))
        self._install(root, [line for n, (_, line) in pinned.items() if n not in self.without])
        if "msgspec" in self.without:
            _build_msgspec(root, self.python, pinned["msgspec"][1])

    def _launch_by_qemu(self, root: Path, program: str) -> None:
        shutil.copy(qemu() / self.qemu, root)
        path = root / program[1:]
        path.rename(f"{path}.arm")
        macros = [f'-DQEMU="/{self.qemu}"', f'-DPROGRAM="{program}"']
        words = ["cc", "-Wall", "-Wextra", "-Werror", "-static", *macros, "-o", path, LAUNCHER]
        step("the launcher is compiled", words, seconds=120)

    def _install(self, root: Path, pinned: list[str]) -> None:
        words = ["install", "--target", str(root / "wheels"), "--only-binary=:all:"]
        # pip 23 holds a wheel against the Python that pip runs on, not against its tags.
        words += ["--ignore-requires-python"]
        words += ["--no-compile", "--python-version", self.python, "--implementation", "cp"]
        words += [
            f"--abi={abi}" for abi in (f"cp{self.python.replace('.', '')}", "abi3", "none")
        ]
        words += [f"--platform=manylinux_2_{minor}_{self.machine}" for minor in PLATFORMS]
        words += [f"--platform=manylinux2014_{self.machine}"]
        _pip(*words, pinned=pinned)


PI_OS_64: Final = System(
    name="pi-os-64",
    suite="trixie",
    architecture="arm64",
    machine="aarch64",
    qemu="qemu-aarch64",
    processor="cortex-a72",
    python="3.13",
    packages=(),
    lock="demo",
)
"""Raspberry Pi OS Trixie, 64 bits, on a Pi 4: Python 3.13 and LiteRT."""

PI_OS_32: Final = System(
    name="pi-os-32",
    suite="bookworm",
    architecture="armhf",
    machine="armv7l",
    qemu="qemu-arm",
    processor="cortex-a7",
    python="3.11",
    # PyPI has no NumPy for it; a Pi takes piwheels', which this does without.
    packages=("libpython3.11-dev", "mosquitto", "python3-numpy"),
    lock="deb",
    without=("msgspec", "numpy"),
    emulated=("/usr/sbin/mosquitto",),
    libraries=(
        "/usr/lib/arm-linux-gnueabihf/blas",
        "/usr/lib/arm-linux-gnueabihf/lapack",
    ),
)
"""Raspberry Pi OS Bookworm, 32 bits, on a Pi 2: Python 3.11 and tflite-runtime."""


def qemu() -> Path:
    """Give the folder of qemu-user's programs.

    Raises:
        BuildError: they cannot be had.
    """

    def make(folder: Path) -> None:
        # Debian 12 has 7.2, in which LiteRT 2.2 and later crash.
        unpack(folder, "trixie", "amd64", ["qemu-user"])
        for program in (folder / "usr/bin").iterdir():
            if program.name not in ("qemu-aarch64", "qemu-arm"):
                program.unlink()

    return cached("qemu", [Path(__file__)], make, megabytes=600) / "usr/bin"


def _build_msgspec(root: Path, python: str, pinned: str) -> None:
    """Build msgspec, which has no wheel for armv7l: one file of C.

    A Pi takes it from piwheels.

    Raises:
        BuildError: its source or the compiler cannot be had.
    """
    source = root / "msgspec"
    words = ["download", "--no-binary=msgspec", "--no-build-isolation", "--dest", str(source)]
    _pip(*words, pinned=[pinned])
    (archive,) = source.glob("msgspec-*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(source, filter="data")
    (package,) = source.glob("msgspec-*/src/msgspec")
    tag = python.replace(".", "")
    library = package / f"_core.cpython-{tag}-arm-linux-gnueabihf.so"
    headers = [f"-I{root}/usr/include/python{python}", f"-I{root}/usr/include"]
    words = [COMPILER_32, "-O1", "-w", "-shared", "-fPIC", *headers]
    step("msgspec is compiled", [*words, package / "_core.c", "-o", library], seconds=600)
    shutil.copytree(package, root / "wheels/msgspec")
    shutil.rmtree(source)


def _pip(*words: str, pinned: list[str]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(pinned) + "\n")
        listed.flush()
        program = [sys.executable, "-m", "pip", "--quiet", *words]
        locked = ["--no-deps", "--require-hashes", "--requirement", listed.name]
        step("pip gets what a Pi needs", [*program, *locked], seconds=900)
