"""Packages of Debian that the rigs need here: `python -m tests.labs.rigs.packages`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from deb.step import step
from deb.targets import BuildError

from tests.labs.rigs.cache import RigError

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
    "/usr/sbin/debootstrap": "debootstrap",
    "/usr/sbin/mosquitto": "mosquitto",
    "/lib/systemd/systemd": "systemd",
    "/usr/bin/udevadm": "udev",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""A file of each, and its name."""


def install() -> None:
    """Install what is missing.

    Raises:
        BuildError: it cannot be installed.
    """
    missing = [package for path, package in PACKAGES.items() if not Path(path).exists()]
    if not missing:
        return
    wanted = " ".join(missing)
    if not shutil.which("apt-get"):
        raise RigError(f"there is no apt-get here, and the rigs need of Debian: {wanted}.")
    if os.geteuid() != 0:
        raise RigError(f"packages are missing and this is not root: sudo apt install {wanted}.")
    print(f"rigs: installing {wanted} ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    words = ["-y", "-qq", "--no-install-recommends", *missing]
    for command in (["update", "-qq"], ["install", *words]):
        step(
            f"apt-get installs {wanted}",
            ["apt-get", *command],
            seconds=1200,
            environment=environment,
        )


if __name__ == "__main__":
    try:
        install()
    except BuildError as error:
        sys.exit(f"rigs: {error}")
