"""PID 1 that makes the machine a small Debian with harpi installed, and becomes systemd.

The unit, the users, the directories and the udev rules are those that harpi ships; /etc is
made anew, so that nothing of the host's configuration counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.rigs.guest.board import GPIO

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
ExecStart=/mnt/python/bin/python3 /mnt/source/tests/rigs/guest/probe.py
Restart=no
StandardOutput=file:/tmp/probe.json
"""
"""What makes a copy of harpi's unit try what the service may and may not do."""

RIG: Final = """
[Unit]
After=basic.target
[Service]
ExecStart=/mnt/python/bin/python3 -m tests.rigs.guest.service
Environment=PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1
StandardOutput=tty
StandardError=inherit
TTYPath=/dev/console
"""


def write(path: Path, content: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def main() -> None:
    kept = Path("/tmp/etc")
    kept.mkdir()
    for name in FROM_HOST:
        original = ETC / name
        if original.is_dir():
            shutil.copytree(original, kept / name, symlinks=True)
        elif original.exists():
            shutil.copy(original, kept / name)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", ETC], check=True)
    shutil.copytree(kept, ETC, symlinks=True, dirs_exist_ok=True)
    ETC.chmod(0o755)
    write(ETC / "machine-id", "0" * 31 + "1\n")
    write(ETC / "hostname", "pi\n")

    gpio = " ".join(f"{name}={value}" for name, value in GPIO.items())
    write(Path("/opt/harpi/bin/harpi"), HARPI.format(gpio=gpio), 0o755)
    write(ETC / "harpi/harpi.toml", CONFIG)
    units = ETC / "systemd/system"
    shipped = SOURCE / "systemd"
    unit = (shipped / "harpi.service").read_text()
    write(units / "harpi.service", unit)
    write(units / "harpi.service.d/faster.conf", FASTER)
    write(units / "probe.service", unit)
    write(units / "probe.service.d/probe.conf", PROBE)
    write(units / "rig.service", RIG.format(path=os.environ["PYTHONPATH"]))
    write(ETC / "sysusers.d/harpi.conf", (shipped / "harpi.sysusers").read_text())
    write(ETC / "tmpfiles.d/harpi.conf", (shipped / "harpi.tmpfiles").read_text())
    rules = (SOURCE / "firmware_config/60-harpi.rules").read_text()
    write(ETC / "udev/rules.d/60-harpi.rules", rules)
    subprocess.run(["systemd-sysusers", "harpi.conf"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/log"], check=True)
    subprocess.run(["umount", "/sys/kernel/config"], check=True)  # systemd mounts it itself
    os.execv("/lib/systemd/systemd", ["/lib/systemd/systemd", "--unit=rig.service"])


if __name__ == "__main__":
    main()
