"""Lays out what a package holds, and what it says about itself."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deb.manual import manual
from deb.sbom import licence_of
from deb.targets import Target
from deb.wheels import ROOT
from harpi import __version__
from harpi.setup.plan import unit_text

HERE: Final = Path(__file__).parent
PRIVATE: Final = "usr/lib/harpi"
CONFFILE: Final = "etc/harpi/harpi.toml"
SCRIPTS: Final = ("preinst", "postinst", "prerm", "postrm")

PROGRAM: Final = """\
#!/bin/sh
# Debian's Python, with what came with harpi before what the system has; -P keeps the folder
# that somebody happens to be in out of it.
PYTHONPATH=/usr/lib/harpi${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH
exec /usr/bin/python3 -P -m harpi "$@"
"""

CONTROL: Final = """\
Package: harpi
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends}
Recommends: python3-rpi-lgpio
Suggests: mosquitto, i2c-tools
Section: science
Priority: optional
Description: activity recognition that learns its wearer on the device
 harpi reads an MPU-6050 on a Raspberry Pi, says what its wearer does, and
 learns from a few seconds of each activity, taught by buttons, from a
 terminal, a page in the browser or over MQTT. Nothing leaves the device but
 the answers.
 .
 It brings the libraries that it was tested with in a tree of its own.
"""

# Whoever publishes a package signs for it, by the variables of Debian's own tools (debuild(1));
# the domain of the other address is nobody's and never will be (RFC 2606).
MAINTAINER: Final = (
    f"{os.environ.get('DEBFULLNAME', 'harpi maintainers')} "
    f"<{os.environ.get('DEBEMAIL', 'maintainers@harpi.invalid')}>"
)


def package_version(target: Target) -> str:
    """Give the version of the package; a later Debian has a later one."""
    return f"{__version__}+deb{target.release}"


def lay_out(root: Path, target: Target, when: datetime) -> None:
    """Add to the wheels of a package all that lies elsewhere.

    Args:
        root: of the package, with the wheels in `PRIVATE`.
        target: that it is for.
        when: harpi was released.
    """
    put(root / "usr/bin/harpi", PROGRAM, mode=0o755)
    put(
        root / target.libraries / "systemd/system/harpi.service",
        unit_text("/usr/bin/harpi"),
    )
    shipped = {
        "usr/lib/sysusers.d/harpi.conf": "systemd/harpi.sysusers",
        "usr/lib/tmpfiles.d/harpi.conf": "systemd/harpi.tmpfiles",
        "usr/lib/modules-load.d/harpi.conf": "firmware_config/modules-load.conf",
        f"{target.libraries}/udev/rules.d/60-harpi.rules": "firmware_config/60-harpi.rules",
        CONFFILE: "firmware_config/harpi.toml",
    }
    for place, source in shipped.items():
        put(root / place, (ROOT / source).read_text("utf-8"))
    (root / "etc/harpi/harpi.d").mkdir()
    documents = root / "usr/share/doc/harpi"
    put(documents / "copyright", _copyright(root))
    put_compressed(documents / "changelog.gz", changelog(target, when))
    put_compressed(
        root / "usr/share/man/man1/harpi.1.gz", manual(__version__, f"{when:%Y-%m-%d}")
    )
    put(root / "usr/share/lintian/overrides/harpi", (HERE / "lintian-overrides").read_text())
    for path in root.rglob("*"):
        if not path.is_symlink():
            executable = path.is_dir() or path == root / "usr/bin/harpi"
            path.chmod(0o755 if executable else 0o644)
    control(root, target)


def control(root: Path, target: Target) -> None:
    """Write the package's own description and scripts."""
    about = root / "DEBIAN"
    about.mkdir(mode=0o755)
    files = sorted(
        path for path in root.rglob("*") if path.is_file() and not path.is_relative_to(about)
    )
    size = sum(-(-path.stat().st_size // 1024) for path in files)
    major, minor = target.python
    depends = [
        f"python3 (>= {major}.{minor}~)",
        f"python3 (<< {major}.{minor + 1}~)",
        f"libc6 (>= 2.{target.glibc})",
        "libstdc++6",
        "systemd",
        *(f"python3-{name}" for name in target.from_debian),
    ]
    text = CONTROL.format(
        version=package_version(target),
        architecture=target.architecture,
        maintainer=MAINTAINER,
        size=size,
        depends=", ".join(depends),
    )
    put(about / "control", text)
    put(about / "conffiles", f"/{CONFFILE}\n")
    sums = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  "
        f"{path.relative_to(root)}\n"
        for path in files
        if path != root / CONFFILE
    ]
    put(about / "md5sums", "".join(sums))
    for name in SCRIPTS:
        if name == "preinst" and target.architecture != "armhf":
            continue
        put(about / name, (HERE / "scripts" / name).read_text("utf-8"), mode=0o755)


def changelog(target: Target, when: datetime) -> str:
    """Write Debian's changelog from that of harpi."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"(?ms)^## {re.escape(__version__)}[^\n]*\n(.*?)(?=^## |\Z)", text)
    paragraphs = found[1].strip().split("\n\n") if found else ["First version."]
    items = [" ".join(paragraph.split()) for paragraph in paragraphs]
    lines = [f"harpi ({package_version(target)}) {target.suite}; urgency=medium", ""]
    for item in items:
        lines += _wrapped(item)
    lines += ["", f" -- {MAINTAINER}  {when:%a, %d %b %Y %H:%M:%S +0000}", ""]
    return "\n".join(lines)


def moment(seconds: int) -> datetime:
    """Give a moment from seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def put(path: Path, content: str, *, mode: int = 0o644) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    path.chmod(mode)


def put_compressed(path: Path, content: str) -> None:
    """Write a compressed file that is the same every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode(), 9, mtime=0))


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(
        text, 76, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False
    )


def _copyright(root: Path) -> str:
    """Name everything that others wrote, with its licence."""
    text = (HERE / "copyright").read_text("utf-8").rstrip("\n")
    for about in sorted((root / PRIVATE).glob("*.dist-info")):
        name = about.name.removesuffix(".dist-info").partition("-")[0]
        if name != "harpi":
            text += (
                f"\n\nFiles: usr/lib/harpi/{name}*\n"
                f"Copyright: the authors of {name}, see {about.name}\n"
                f"License: {_word(licence_of(about)) or 'see-there'}\n"
                f" The text is in /usr/lib/harpi/{about.name}."
            )
    return f"{text}\n"


def _word(licence: str) -> str:
    """Give a licence as one word, as the format of copyright files wants it."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", licence).strip("-")[:60]


def remove(folder: Path) -> None:
    """Delete a folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
