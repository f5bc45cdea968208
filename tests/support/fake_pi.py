"""The root of a Raspberry Pi in a folder, as its system comes: what `harpi setup` works on."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harpi.files import write_atomically
from harpi.setup.applying import Outcome, remove, set_up
from harpi.setup.features import Features
from harpi.setup.machine import Run, detect, run
from harpi.setup.plan import NO_FEATURES, find, make_plan

PI_4 = "Raspberry Pi 4 Model B Rev 1.1"
CONFIG_TXT = b"""\
# For more options and information see
# http://rptl.io/configtxt
dtparam=audio=on

[cm4]
otg_mode=1

[all]
"""
FILES: Mapping[str, bytes] = {
    "proc/device-tree/model": PI_4.encode() + b"\0",
    "boot/firmware/config.txt": CONFIG_TXT,
    "etc/os-release": (
        b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
    ),
    "etc/passwd": b"root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n",
    "etc/shadow": b"root:*:20000:0:99999:7:::\nada:!:20000:0:99999:7:::\n",
    "etc/group": b"root:x:0:\nada:x:1000:\ni2c:x:988:ada\n",
    "etc/gshadow": b"root:*::\nada:!::\ni2c:!::ada\n",
    "opt/harpi/bin/harpi": b"#!/bin/sh\n",
    "usr/sbin/mosquitto": b"",
}
SECRET = ("etc/shadow", "etc/gshadow")
FOLDERS = ("var/lib", "usr/local/bin", "etc/systemd/system", "etc/udev/rules.d")

Snapshot = dict[str, tuple[str, int, bytes]]


def make_pi(root: Path, files: Mapping[str, bytes] | None = None) -> Path:
    """Lay out a system; `files` are more of them, or others in their place."""
    root.mkdir(exist_ok=True)
    root.chmod(0o755)
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in {**FILES, **(files or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o640 if name in SECRET else 0o755 if "/bin/" in name else 0o644)
    return root


def snapshot(root: Path) -> Snapshot:
    """Give all that is in a folder: kind, permissions and content by path."""
    seen: Snapshot = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            seen[name] = ("link", 0, str(path.readlink()).encode())
        elif path.is_dir():
            seen[name] = ("folder", path.stat().st_mode, b"")
        else:
            seen[name] = ("file", path.stat().st_mode, path.read_bytes())
    return seen


def install(
    root: Path,
    *,
    user: str | None = "ada",
    profile: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    run: Run = run,
    features: Features = NO_FEATURES,
) -> Outcome:
    """Do what `harpi setup --root` does."""
    machine = detect(root)
    origin = find(machine)
    plan = make_plan(machine, origin, run, user=user, profile=profile, features=features)
    return set_up(machine, origin, plan, run, say, python="python3")


def quick_sysusers(words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
    """Do to the made-up system what systemd-sysusers does, without starting it."""
    assert words[0] == "systemd-sysusers"
    assert "u harpi" in text
    assert not may_fail
    etc = Path(words[1].removeprefix("--root=")) / "etc"
    added = {
        "passwd": b"harpi:x:990:990::/var/lib/harpi:/usr/sbin/nologin\n",
        "shadow": b"harpi:!*:20000::::::\n",
        "group": b"gpio:x:991:harpi\nharpi:x:990:\n",
        "gshadow": b"gpio:!*::harpi\nharpi:!*::\n",
    }
    (etc / ".pwd.lock").touch(0o600)
    for name, lines in added.items():
        old = (etc / name).read_bytes()
        mode = (etc / name).stat().st_mode & 0o7777
        write_atomically(etc / f"{name}-", old, mode=mode)
        new = re.sub(rb"(?m)^(i2c:.*:ada)$", rb"\1,harpi", old)
        there = {line.partition(b":")[0] for line in old.splitlines()}
        for line in lines.splitlines(keepends=True):
            new += b"" if line.partition(b":")[0] in there else line
        write_atomically(etc / name, new, mode=mode)
    return True


def uninstall(root: Path, *, purge: bool = False) -> list[str]:
    """Do what `harpi setup --remove --root` does."""
    return remove(detect(root), run, lambda _: None, purge=purge)


def copy(root: Path, to: Path) -> Path:
    """Copy a system."""
    shutil.copytree(root, to, symlinks=True)
    return to
