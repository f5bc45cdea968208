"""PID 1 that makes the machine a small Debian and becomes systemd, which starts the work.

/etc is made anew, so that nothing of the host's configuration counts. The work is the module
of this folder that RIG_WORK names. Unless RIG_BARE is set, harpi is installed: the unit, the
users, the directories and the udev rules are those that it ships. Where it is set, there is
only its program, as on a Pi on which `harpi setup` has still to be run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.labs.rigs.guest.board import GPIO

SOURCE: Final = Path("/mnt/source")
ETC: Final = Path("/etc")
FROM_HOST: Final = (
    "alternatives",
    "group",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "nsswitch.conf",
    "os-release",
    "passwd",
)

HARPI: Final = f"""#!/bin/sh
export PYTHONPATH={os.environ["PYTHONPATH"]} PYTHONDONTWRITEBYTECODE=1 {{gpio}}
export LD_LIBRARY_PATH=/mnt/python/lib
exec /mnt/python/bin/python3 -m harpi "$@"
"""

CONFIG: Final = """
[buttons]
enabled = true
[mqtt]
host = "127.0.0.1"
health_seconds = 0.5
[device]
id = "arm"
"""

FASTER: Final = """
[Service]
WatchdogSec=3
RestartSec=0.2
"""
"""Times that a test can wait for."""

PROBE: Final = """
[Service]
Type=oneshot
ExecStart=
Environment=LD_LIBRARY_PATH=/mnt/python/lib
ExecStart=/mnt/python/bin/python3 /mnt/source/tests/labs/rigs/guest/probe.py
Restart=no
StandardOutput=file:/tmp/probe.json
"""
"""What makes a copy of harpi's unit try what the service may and may not do."""

PI: Final = "Raspberry Pi 4 Model B Rev 1.1"
BOOT: Final = "# As Raspberry Pi OS has it.\ndtparam=audio=on\n\n[all]\narm_boost=1\n"

RIG: Final = """
[Unit]
After=basic.target
FailureAction=poweroff-force
[Service]
ExecStart=/mnt/python/bin/python3 -m tests.labs.rigs.guest.{work}
Environment=PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1
StandardOutput=tty
StandardError=inherit
TTYPath=/dev/console
"""


def write(path: Path, content: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def mount(folder: Path, *options: str) -> None:
    """Cover a folder with an empty one in memory."""
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], check=True)


def make_etc() -> None:
    """Make /etc of a few files of the host."""
    kept = Path("/tmp/etc")
    kept.mkdir()
    for name in FROM_HOST:
        original = ETC / name
        if original.is_dir():
            shutil.copytree(original, kept / name, symlinks=True)
        elif original.exists():
            shutil.copy(original, kept / name)
    mount(ETC)
    shutil.copytree(kept, ETC, symlinks=True, dirs_exist_ok=True)
    ETC.chmod(0o755)
    write(ETC / "machine-id", "0" * 31 + "1\n")
    write(ETC / "hostname", "pi\n")
    gpio = " ".join(f"{name}={value}" for name, value in GPIO.items())
    write(Path("/opt/harpi/bin/harpi"), HARPI.format(gpio=gpio), 0o755)


def install_harpi() -> None:
    """Put what harpi ships for systemd where it belongs."""
    write(ETC / "harpi/harpi.toml", CONFIG)
    units = ETC / "systemd/system"
    shipped = SOURCE / "systemd"
    unit = (shipped / "harpi.service").read_text()
    write(units / "harpi.service", unit)
    write(units / "harpi.service.d/faster.conf", FASTER)
    write(units / "probe.service", unit)
    write(units / "probe.service.d/probe.conf", PROBE)
    write(ETC / "sysusers.d/harpi.conf", (shipped / "harpi.sysusers").read_text())
    write(ETC / "tmpfiles.d/harpi.conf", (shipped / "harpi.tmpfiles").read_text())
    rules = (SOURCE / "firmware_config/60-harpi.rules").read_text()
    write(ETC / "udev/rules.d/60-harpi.rules", rules)
    subprocess.run(["systemd-sysusers", "harpi.conf"], check=True)


def resemble_a_pi() -> None:
    """Make the files by which a Pi is known, and those of its firmware."""
    mount(Path("/sys/firmware"))
    write(Path("/sys/firmware/devicetree/base/model"), f"{PI}\0")
    mount(Path("/boot"))
    write(Path("/boot/firmware/config.txt"), BOOT)


def main() -> None:
    make_etc()
    if "RIG_BARE" in os.environ:
        resemble_a_pi()
    else:
        install_harpi()
    rig = RIG.format(path=os.environ["PYTHONPATH"], work=os.environ["RIG_WORK"])
    write(ETC / "systemd/system/rig.service", rig)
    mount(Path("/var/log"), "-o", "mode=755")
    subprocess.run(["umount", "/sys/kernel/config"], check=True)  # systemd mounts it itself
    os.execv("/lib/systemd/systemd", ["/lib/systemd/systemd", "--unit=rig.service"])


if __name__ == "__main__":
    main()
