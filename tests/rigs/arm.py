"""A Pi's processor and its wheels: Debian for ARM in a folder, run by qemu-user."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.rigs.cache import HERE, ROOT, RigError, cached
from tests.rigs.debian import unpack

COMPILER_32: Final = "arm-linux-gnueabihf-gcc"
COMPILER_64: Final = "aarch64-linux-gnu-gcc"

LAUNCHER: Final = HERE / "launcher.c"

PLATFORMS: Final = range(17, 37)
"""Minor versions of glibc (2.17 ... 2.36) that wheels for a Pi may ask for."""

_ENTER: Final = """
mount --rbind /dev "$1/dev"
mount --rbind /proc "$1/proc"
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
        python: version.
        packages: of Debian, besides Python.
        wheels: of PyPI, as `pyproject.toml` asks for them.
        complete: whether PyPI also has wheels of what these need.
        libraries: folders of the root in which the loader looks besides its own.
    """

    name: str
    suite: str
    architecture: str
    machine: str
    qemu: str
    python: str
    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    complete: bool = True
    libraries: tuple[str, ...] = ()

    def folder(self) -> Path:
        """Give the root file system, with the wheels in /wheels.

        Raises:
            RigError: a package or a wheel cannot be had.
        """
        ingredients: list[str | Path] = [repr(self), Path(__file__), LAUNCHER]
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
            AssertionError: it failed.
        """
        root = self.folder()
        environment = {
            "HOME": "/tmp",
            "LD_LIBRARY_PATH": ":".join(self.libraries),
            "PATH": "/usr/bin",
            "PYTHONPATH": "/source/pi:/wheels",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "I2C_SHIM_SOCKET": "/shared/i2c-1",
        }
        if preload:
            environment["QEMU_SET_ENV"] = f"LD_PRELOAD={preload}"
        enter = ["unshare", "--mount", "--map-root-user", "sh", "-ec", _ENTER, "sh"]
        done = subprocess.run(
            [*enter, root, ROOT, shared or ROOT, f"/usr/bin/python{self.python}", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

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
        for folder in ("source", "shared", "dev", "proc", "tmp"):
            (root / folder).mkdir(exist_ok=True)
        self._launch_by_qemu(root, f"/usr/bin/python{self.python}")
        self._install(root / "wheels")
        if not self.complete:
            _build_msgspec(root, self.python)

    def _launch_by_qemu(self, root: Path, program: str) -> None:
        shutil.copy(qemu() / self.qemu, root)
        path = root / program[1:]
        path.rename(f"{path}.arm")
        macros = [f'-DQEMU="/{self.qemu}"', f'-DPROGRAM="{program}"']
        words = ["cc", "-Wall", "-Wextra", "-Werror", "-static", *macros]
        subprocess.run([*words, "-o", path, LAUNCHER], check=True)

    def _install(self, folder: Path) -> None:
        words = ["install", "--target", str(folder), "--only-binary=:all:", "--no-compile"]
        words += ["--python-version", self.python, "--implementation", "cp"]
        words += [
            f"--abi={abi}" for abi in (f"cp{self.python.replace('.', '')}", "abi3", "none")
        ]
        words += [f"--platform=manylinux_2_{minor}_{self.machine}" for minor in PLATFORMS]
        words += [f"--platform=manylinux2014_{self.machine}"]
        words += [] if self.complete else ["--no-deps"]
        _pip(*words, *self.wheels)


PI_OS_64: Final = System(
    name="pi-os-64",
    suite="trixie",
    architecture="arm64",
    machine="aarch64",
    qemu="qemu-aarch64",
    python="3.13",
    packages=(),
    wheels=(
        "ai-edge-litert>=2.1",
        "iotcore>=0.4",
        "msgspec>=0.20",
        "numpy>=2",
        "paho-mqtt>=2.1,<3",
        "safetensors>=0.4.5",
        "smbus2>=0.5",
        "typer>=0.15",
    ),
)
"""Raspberry Pi OS Trixie, 64 bits: Python 3.13 and LiteRT."""

PI_OS_32: Final = System(
    name="pi-os-32",
    suite="bookworm",
    architecture="armhf",
    machine="armv7l",
    qemu="qemu-arm",
    python="3.11",
    # PyPI has no NumPy for it; a Pi takes piwheels', which this does without.
    packages=("libpython3.11-dev", "python3-numpy"),
    wheels=(
        "paho-mqtt>=2.1,<3",
        "safetensors>=0.4.5",
        "smbus2>=0.5",
        "tflite-runtime==2.14.0",
    ),
    complete=False,
    libraries=(
        "/usr/lib/arm-linux-gnueabihf/blas",
        "/usr/lib/arm-linux-gnueabihf/lapack",
    ),
)
"""Raspberry Pi OS Bookworm, 32 bits: Python 3.11 and tflite-runtime."""


def qemu() -> Path:
    """Give the folder of qemu-user's programs.

    Raises:
        RigError: they cannot be had.
    """

    def make(folder: Path) -> None:
        # Debian 12 has 7.2, in which LiteRT 2.2 and later crash.
        unpack(folder, "trixie", "amd64", ["qemu-user"])
        for program in (folder / "usr/bin").iterdir():
            if program.name not in ("qemu-aarch64", "qemu-arm"):
                program.unlink()

    return cached("qemu", [Path(__file__)], make, megabytes=600) / "usr/bin"


def _build_msgspec(root: Path, python: str) -> None:
    """Build msgspec, which has no wheel for armv7l: one file of C.

    A Pi takes it from piwheels.

    Raises:
        RigError: its source or the compiler cannot be had.
    """
    source = root / "msgspec"
    _pip("download", "--no-deps", "--no-binary=msgspec", "--dest", str(source), "msgspec>=0.20")
    (archive,) = source.glob("msgspec-*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(source, filter="data")
    (package,) = source.glob("msgspec-*/src/msgspec")
    tag = python.replace(".", "")
    library = package / f"_core.cpython-{tag}-arm-linux-gnueabihf.so"
    headers = [f"-I{root}/usr/include/python{python}", f"-I{root}/usr/include"]
    words = [COMPILER_32, "-O1", "-w", "-shared", "-fPIC", *headers]
    subprocess.run([*words, package / "_core.c", "-o", library], check=True)
    shutil.copytree(package, root / "wheels/msgspec")
    shutil.rmtree(source)


def _pip(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *words], capture_output=True, text=True
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        raise RigError(f"pip cannot get what a Pi needs: {reason}")
