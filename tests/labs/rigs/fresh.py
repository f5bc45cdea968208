"""A Debian as it comes, of a Pi's architecture, in which programs can be installed and run.

qemu-user runs its programs. The kernel is told so by a binfmt_misc of a user namespace of its
own (Linux 6.7), so that nothing of this machine changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deb.debian import MIRROR
from deb.step import step

from tests.labs.rigs.arm import qemu
from tests.labs.rigs.cache import RigError, cached

PACKAGES: Final = ("libstdc++6", "python3", "systemd", "udev")
"""What the package depends on; on a Pi it is there."""

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IDS: Final = 65536

_MAGIC: Final = {
    "arm64": ("qemu-aarch64", "cortex-a72", 2, 0xB7),
    "armhf": ("qemu-arm", "cortex-a7", 1, 0x28),
}
"""Program of qemu-user, processor of a Pi, and of elf(5) the class and the machine."""

_ENTER: Final = """
root=$1; upper=$2; shared=$3; rule=$4
shift 4
mount -t tmpfs tmpfs /mnt
mkdir /mnt/binfmt /mnt/root
mount -t binfmt_misc binfmt_misc /mnt/binfmt
printf '%s' "$rule" > /mnt/binfmt/register
if [ -n "$upper" ]; then
    layers="lowerdir=$root,upperdir=$upper/new,workdir=$upper/work,userxattr"
    mount -t overlay overlay -o "$layers" /mnt/root
else
    mount --bind "$root" /mnt/root
fi
mkdir -p /mnt/root/shared
mount --rbind /dev /mnt/root/dev
mount --rbind /sys /mnt/root/sys
mount -t proc proc /mnt/root/proc
mount -t tmpfs tmpfs /mnt/root/run
mount --bind "$shared" /mnt/root/shared
exec chroot /mnt/root "$@"
"""
"""Shell: with a view of the files of its own, run a program in the root."""

MKNOD: Final = '#!/bin/sh\ncase "$1" in -m) ;; *) touch "$1" ;; esac\n'
"""Stands in for mknod, which a user namespace may not: /dev is that of this machine."""


@dataclass(frozen=True)
class Fresh:
    """A fresh Debian.

    Attributes:
        suite: release of Debian.
        architecture: Debian's name of it.
    """

    suite: str
    architecture: str

    def folder(self) -> Path:
        """Give the root as it comes.

        Raises:
            BuildError: it cannot be made.
        """
        ingredients = [repr(self), repr(PACKAGES), MKNOD]
        name = f"fresh-{self.suite}-{self.architecture}"
        return cached(name, ingredients, self._make, megabytes=800)

    def _make(self, root: Path) -> None:
        words = ["debootstrap", "--foreign", "--variant=minbase", f"--arch={self.architecture}"]
        words += [f"--include={','.join(PACKAGES)}", self.suite, str(root), MIRROR]
        step("debootstrap gets Debian", words, seconds=1200)
        mknod = root / "usr/local/sbin/mknod"
        mknod.parent.mkdir(parents=True, exist_ok=True)
        mknod.write_text(MKNOD)
        mknod.chmod(0o755)
        with namespace() as inside:
            second = ["/debootstrap/debootstrap", "--second-stage"]
            done = enter(self.architecture, inside, root, words=second, seconds=3600)
        mknod.unlink()
        if done.returncode:
            said = (root / "debootstrap/debootstrap.log").read_text(errors="replace")
            raise RigError(f"debootstrap's second stage failed: {said[-2000:]}")


def enter(
    architecture: str,
    inside: int,
    root: Path,
    *,
    words: Sequence[str],
    seconds: float,
    shared: Path | None = None,
    upper: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program in a root.

    Args:
        architecture: Debian's name of that of the root.
        inside: process whose user namespace it gets.
        root: of the file system.
        words: of its command line.
        seconds: after which it is killed.
        shared: a folder that is its /shared.
        upper: where changes go, with the folders `new` and `work`; where not given, the root.
        environment: more of it.
    """
    program, processor, elf_class, machine = _MAGIC[architecture]
    head = (*b"\x7fELF", elf_class, 1, 1, *[0] * 9, 2, 0, machine, 0)
    mask = (*[0xFF] * 7, 0, *[0xFF] * 8, 0xFE, 0xFF, 0xFF, 0xFF)
    magic, masks = ("".join(f"\\x{byte:02x}" for byte in row) for row in (head, mask))
    rule = f":pi:M::{magic}:{masks}:{qemu() / program}:FP"
    enter = ["nsenter", "--user", f"--target={inside}", "--setuid=0", "--setgid=0"]
    enter += ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return subprocess.run(
        [*enter, "sh", "-ec", _ENTER, "sh", root, upper or "", shared or root, rule, *words],
        env={
            "PATH": PATH,
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            "OPENBLAS_NUM_THREADS": "1",
            "QEMU_CPU": processor,
            **(environment or {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
    )


FRESH: Final = Fresh("trixie", "arm64")


class Box:
    """A fresh Debian whose changes are kept, and thrown away at the end.

    Args:
        system: which.
        inside: process whose user namespace its programs get.
        folder: for the changes.
    """

    def __init__(self, system: Fresh, inside: int, folder: Path) -> None:
        self._architecture = system.architecture
        self._root = system.folder()
        self.shared = folder / "shared"
        self._inside = inside
        self._upper = folder / "upper"
        for path in (self.shared, self._upper / "new", self._upper / "work"):
            path.mkdir(parents=True)

    def try_to(self, *words: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a program there."""
        return enter(
            self._architecture,
            self._inside,
            self._root,
            words=words,
            seconds=seconds,
            shared=self.shared,
            upper=self._upper,
        )

    def run(self, *words: str, seconds: float = 600) -> str:
        """Run a program there that must go well; give what it prints.

        Raises:
            AssertionError: it failed.
        """
        done = self.try_to(*words, seconds=seconds)
        assert done.returncode == 0, f"{words}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def files(self) -> set[str]:
        """List all files, but those of devices, processes and this rig."""
        found = self.run(
            "find", "/", "-xdev", "-path", "/shared", "-prune", "-o", "-not", "-type", "d",
            "-print",
        )  # fmt: skip
        return set(found.splitlines())


@contextmanager
def box(system: Fresh, folder: Path) -> Iterator[Box]:
    """Give a fresh Debian to work in."""
    with namespace() as inside:
        try:
            yield Box(system, inside, folder)
        finally:
            shutil.rmtree(folder / "upper", ignore_errors=True)


@contextmanager
def namespace() -> Iterator[int]:
    """Give a process with a user namespace of its own, in which every user is himself.

    Raises:
        RigError: this kernel or this user cannot have one.
    """
    if os.geteuid() != 0:
        raise RigError("a fresh Debian needs users of its own, so root: sudo make rigs.")
    holder = subprocess.Popen(["unshare", "--user", "sleep", "infinity"])
    try:
        own = Path("/proc/self/ns/user").readlink()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{holder.pid}/ns/user").readlink() == own:
            if time.monotonic() > deadline or holder.poll() is not None:
                raise RigError("this kernel gives no user namespace.")
            time.sleep(0.02)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{holder.pid}/{name}").write_text(f"0 0 {IDS}\n")
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()
