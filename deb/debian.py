"""Debian packages of any release and architecture, unpacked into a folder.

apt itself resolves, downloads and verifies them, with a state and a cache of its own, so the
machine's packages stay as they are and nobody has to be root.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from deb.step import step
from deb.targets import BuildError

MIRROR = "http://deb.debian.org/debian"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def unpack(root: Path, suite: str, architecture: str, packages: Sequence[str]) -> None:
    """Unpack packages and all that they depend on; no script of theirs is run.

    Args:
        root: where to.
        suite: release of Debian, e.g. "trixie".
        architecture: e.g. "arm64".
        packages: names.

    Raises:
        BuildError: they cannot be had.
    """
    if not KEYS.exists():
        raise BuildError("Debian's keys are missing: sudo apt install debian-archive-keyring.")
    apt = root / ".apt"
    for folder in ("lists/partial", "archives/partial", "etc"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources").write_text(f"deb [signed-by={KEYS}] {MIRROR} {suite} main\n")
    (apt / "configuration").write_text(
        f"""
        APT::Architecture "{architecture}";
        APT::Architectures "{architecture}";
        APT::Install-Recommends "false";
        APT::Sandbox::User "root";
        Acquire::Languages "none";
        Dir::Etc "{apt}/etc";
        Dir::Etc::SourceList "{apt}/sources";
        Dir::Etc::SourceParts "/dev/null";
        Dir::State "{apt}";
        Dir::State::Status "{apt}/status";
        Dir::Cache "{apt}";
        """
    )
    environment = {**os.environ, "APT_CONFIG": str(apt / "configuration")}
    for words in (["update"], ["install", "--download-only", "--yes", *packages]):
        step(
            f"apt gets {architecture} packages of {suite}",
            ["apt-get", "-qq", *words],
            seconds=900,
            environment=environment,
        )
    for archive in sorted((apt / "archives").glob("*.deb")):
        step(
            f"{archive.name} is unpacked", ["dpkg-deb", "--extract", archive, root], seconds=300
        )
    shutil.rmtree(apt)
