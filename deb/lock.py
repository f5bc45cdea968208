"""What a lock in `requirements/` pins for a system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from deb.targets import BuildError


def pins(
    lock: Path, machine: str, python: tuple[int, int]
) -> dict[str, tuple[Requirement, str]]:
    """Read what pip would install from a lock.

    Args:
        lock: file, as uv writes it for pip.
        machine: the kernel's name of the architecture.
        python: version.

    Returns:
        By name each requirement, and the line with its version and digests.

    Raises:
        BuildError: the lock has a line that is not understood.
    """
    on = environment(machine, python)
    found = {}
    for line in lines(lock):
        stated, *digests = re.split(r"\s+--hash=", line)
        requirement = Requirement(stated)
        if not digests:
            raise BuildError(f"{lock.name} has no digest for {requirement.name}.")
        if requirement.marker is None or requirement.marker.evaluate(on):
            pinned = f"{requirement.name}{requirement.specifier}"
            hashes = " ".join(f"--hash={digest.strip()}" for digest in digests)
            found[requirement.name] = (requirement, f"{pinned} {hashes}")
    return found


def environment(machine: str, python: tuple[int, int]) -> dict[str, str]:
    """Give what the markers of a requirement are judged by (PEP 508)."""
    version = ".".join(map(str, python))
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": "linux",
    }


def lines(lock: Path) -> Iterator[str]:
    """Give the lines that pin something, each in one."""
    for line in lock.read_text("utf-8").replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()
