"""A shell as a reader of the documentation has it: an own home, no settings, the usual ports.

Where the kernel lets it, the shell has a network of its own, so that a broker may have the port
1883, and is no root, whose harpi would use the folders of the system.
"""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
from pathlib import Path

from harpi.config.schema import SYSTEM_STATE

OWN_NETWORK = (
    *("unshare", "--user", "--map-user=1000", "--map-group=1000"),
    *("--net", "--keep-caps", "--fork", "--kill-child"),
)
LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14s', b'lo', 1, b''))"
)
"""SIOCSIFFLAGS with IFF_UP (netdevice(7))."""

KEPT = ("LANG", "LC_ALL", "PYTHONPATH", "PYTHONUNBUFFERED")


def shell(lines: list[str], home: Path, *, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run lines one after the other until one fails, in an empty folder.

    Args:
        lines: as a person types them; what ends in `&` is ended at the end.
        home: an empty folder, which the shell begins in.
        seconds: after which it is ended.

    Returns:
        Its exit code, and all that it said, each line's command before it.
    """
    script = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    script += "".join(f"echo {shlex.quote('$ ' + line)}\n{line}\n" for line in lines)
    words = ["bash", "-c", script]
    if can_have_its_own_network():
        up = f"{shlex.quote(sys.executable)} -c {shlex.quote(LOOPBACK_UP)}"
        words = [*OWN_NETWORK, "bash", "-c", f"{up}\n{script}"]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment["PATH"] = (
        f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin"
    )
    environment["HOME"] = str(home)
    # A computer that was set up for harpi, or root's: the page is not to touch its takes.
    if SYSTEM_STATE.exists() or (os.geteuid() == 0 and not can_have_its_own_network()):
        environment["HARPI_PATHS__STATE"] = str(home / "state")
        environment["HARPI_PATHS__RUNTIME"] = str(home / "run")
    return subprocess.run(
        words,
        cwd=home,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
    )


@functools.cache
def can_have_its_own_network() -> bool:
    """Whether the kernel lets this user make one."""
    try:
        tried = [*OWN_NETWORK, sys.executable, "-c", LOOPBACK_UP]
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
