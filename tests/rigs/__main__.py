"""Runs all rigs: `python -m tests.rigs [options of pytest]`; see docs/rigs.md.

What they need of the machine is installed first, as root, or said in one sentence.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.rigs.cache import HERE, ROOT, RigError

GROUPS: Final = (("test_shim.py", "test_kernel.py", "test_systemd.py"), ("test_arm.py",))
"""What runs side by side: the first waits most of the time, the second computes."""

PACKAGES: Final = {
    "/usr/bin/cc": "gcc",
    "/usr/lib/x86_64-linux-gnu/libc.a": "libc6-dev",
    "/usr/bin/make": "make",
    "/usr/bin/flex": "flex",
    "/usr/bin/bison": "bison",
    "/usr/bin/bc": "bc",
    "/usr/bin/xz": "xz-utils",
    "/usr/bin/patch": "patch",
    "/usr/bin/openssl": "openssl",
    "/usr/include/gelf.h": "libelf-dev",
    "/usr/src/linux-source-6.12.tar.xz": "linux-source-6.12",
    "/usr/bin/aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "/usr/aarch64-linux-gnu/include/stdio.h": "libc6-dev-arm64-cross",
    "/usr/bin/arm-linux-gnueabihf-gcc": "gcc-arm-linux-gnueabihf",
    "/usr/arm-linux-gnueabihf/include/stdio.h": "libc6-dev-armhf-cross",
    "/usr/sbin/mosquitto": "mosquitto",
    "/lib/systemd/systemd": "systemd",
    "/usr/bin/udevadm": "udev",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""A file of every package of Debian that the rigs need."""


def install_packages() -> None:
    """Install what is missing.

    Raises:
        RigError: it cannot be installed.
    """
    if not shutil.which("apt-get"):
        raise RigError("the rigs need Debian or its like: there is no apt-get here.")
    missing = [package for path, package in PACKAGES.items() if not Path(path).exists()]
    if not missing:
        return
    wanted = " ".join(missing)
    if os.geteuid() != 0:
        raise RigError(f"packages are missing and this is not root: sudo apt install {wanted}.")
    print(f"rigs: installing {wanted} ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    for words in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RigError(f"apt-get cannot install {wanted}: {' '.join(done.stderr.split())}")


def prepare() -> None:
    """Make everything that takes long, so that no test has to wait for it.

    Raises:
        RigError: something cannot be made.
    """
    install_packages()
    from tests.rigs.arm import PI_OS_32, PI_OS_64
    from tests.rigs.kernel import kernel
    from tests.rigs.machine import pins_library

    kernel()
    pins_library()
    PI_OS_64.folder()
    PI_OS_32.folder()


def main() -> int:
    try:
        prepare()
    except RigError as error:
        print(f"rigs: {error}", file=sys.stderr)
        return 1
    runs = [start(group, sys.argv[1:]) for group in GROUPS]
    failed = False
    for run in runs:
        said, _ = run.communicate()
        print(said, flush=True)
        failed |= run.returncode not in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
    return int(failed)


def start(group: Sequence[str], options: Sequence[str]) -> subprocess.Popen[str]:
    """Start pytest on some files of this folder."""
    files = [str(HERE / name) for name in group]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *files, *options],
        cwd=ROOT,
        env={**os.environ, "HARPI_RIGS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main())
