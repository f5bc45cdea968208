"""What harpi needs of others, as a Pi would get it, in a folder of its own.

Versions and digests are those of `requirements/deb.lock`; nothing else comes in.
"""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from deb import lock
from deb.debian import unpack
from deb.step import step
from deb.targets import BuildError, Target

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements" / "deb.lock"
COMPILER_32: Final = "arm-linux-gnueabihf-gcc"

SUPERFLUOUS: Final = (
    "bin",
    "**/__pycache__",
    "**/tests",
    "**/*.a",
    "**/*.h",
    "**/*.pxd",
    "**/*.pyi",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",
)
"""What nothing needs at run time; the last runs models on graphics that no Pi has (17 MB)."""


def pins(target: Target) -> dict[str, tuple[Requirement, str]]:
    """Read the lock: each package of a target, and the lines with version and digests.

    Raises:
        BuildError: the lock has a line that is not understood.
    """
    return lock.pins(LOCK, target.machine, target.python)


def install(target: Target, folder: Path, scratch: Path) -> None:
    """Put all wheels of a target into a folder.

    Args:
        target: for which.
        folder: where to.
        scratch: for what is in the way afterwards.

    Raises:
        BuildError: something cannot be had or built.
    """
    wanted = pins(target)
    listed = scratch / "requirements.txt"
    lines = [
        line
        for name, (_, line) in wanted.items()
        if name not in (*target.from_debian, *target.built)
    ]
    listed.write_text("\n".join(lines) + "\n", "utf-8")
    tag = f"cp{target.python[0]}{target.python[1]}"
    platforms = [
        f"manylinux_2_{minor}_{target.machine}" for minor in range(17, target.glibc + 1)
    ]
    downloaded = scratch / "wheels"
    words = ["download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    words += ["--dest", str(downloaded), "--implementation", "cp", "--requirement", str(listed)]
    words += ["--python-version", ".".join(map(str, target.python))]
    words += [f"--abi={abi}" for abi in (tag, "abi3", "none")]
    words += [f"--platform={name}" for name in (*platforms, f"manylinux2014_{target.machine}")]
    pip("pip gets the libraries", *words)
    for wheel in sorted(downloaded.glob("*.whl")):
        unpack_wheel(wheel, folder)
    for name in target.built:
        if name != "msgspec":
            raise BuildError(f"nobody knows how {name} is built.")
        build_msgspec(target, wanted[name][1], folder, scratch)
    install_harpi(folder, scratch)
    for pattern in SUPERFLUOUS:
        for path in list(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def install_harpi(folder: Path, scratch: Path) -> None:
    """Build harpi's own wheel and put it beside the others, without the workshop."""
    wheels = scratch / "wheel"
    words = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT)]
    pip("harpi's wheel is built", "wheel", *words)
    (wheel,) = wheels.glob("harpi-*.whl")
    unpack_wheel(wheel, folder)
    shutil.rmtree(folder / "harpi_models")


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Put the libraries of a wheel into a folder; its programs are not wanted.

    pip would do it only for the Python that it runs on.
    """
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder)  # noqa: S202 - its digest is that of the lock
    for data in folder.glob("*.data"):
        for libraries in (data / "purelib", data / "platlib"):
            if libraries.is_dir():
                shutil.copytree(libraries, folder, dirs_exist_ok=True)
        shutil.rmtree(data)


def build_msgspec(target: Target, pinned: str, folder: Path, scratch: Path) -> None:
    """Build msgspec, which has no wheel for armv7l: one file of C.

    Raises:
        BuildError: the compiler or its source is missing.
    """
    if shutil.which(COMPILER_32) is None:
        raise BuildError(
            f"{COMPILER_32} is missing: sudo apt install gcc-arm-linux-gnueabihf "
            "libc6-dev-armhf-cross."
        )
    version = ".".join(map(str, target.python))
    headers = scratch / "headers"
    headers.mkdir()
    unpack(headers, target.suite, target.architecture, [f"libpython{version}-dev"])
    source = scratch / "source"
    listed = scratch / "msgspec.txt"
    listed.write_text(f"{pinned}\n", "utf-8")
    words = ["--no-deps", "--no-binary=msgspec", "--no-build-isolation", "--require-hashes"]
    words += ["--dest", str(source), "--requirement", str(listed)]
    pip("pip gets the source of msgspec", "download", *words)
    (archive,) = source.glob("msgspec-*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(source, filter="data")
    (tree,) = (path for path in source.iterdir() if path.is_dir())
    package = tree / "src/msgspec"
    (code,) = package.glob("_core.c")
    tag = version.replace(".", "")
    library = package / f"_core.cpython-{tag}-arm-linux-gnueabihf.so"
    folders = (f"python{version}", "arm-linux-gnueabihf", "")
    includes = [f"-I{headers}/usr/include/{folder}" for folder in folders]
    compiler = [COMPILER_32, "-O2", "-w", "-s", "-shared", "-fPIC"]
    step("msgspec is compiled", [*compiler, *includes, code, "-o", library], seconds=600)
    shutil.copytree(package, folder / "msgspec", ignore=shutil.ignore_patterns("*.c", "*.h"))
    name = f"msgspec-{re.split('==| ', pinned)[1]}"
    about = folder / f"{name}.dist-info"
    about.mkdir()
    shutil.copy(tree / "PKG-INFO", about / "METADATA")
    for licence in tree.glob("LICENSE*"):
        (about / "licenses").mkdir(exist_ok=True)
        shutil.copy(licence, about / "licenses")


def pip(what: str, *words: str) -> None:
    """Run pip.

    Args:
        what: it does, for the message where it fails.
        words: of its command line.

    Raises:
        BuildError: it failed.
    """
    program = [sys.executable, "-P", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    step(what, [*program, *words], seconds=900)
