"""`make audit`: whether a library in the locks has a weakness that is known.

Asks PyPI's list of known vulnerabilities by pip-audit, for every version in every lock,
whatever system it is for.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LOCKS: Final = Path(__file__).resolve().parents[1] / "requirements"
_PIN: Final = re.compile(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)")
_NOT_REACHED: Final = (
    "The list of known vulnerabilities cannot be reached from here; nothing was audited."
)


@dataclass(frozen=True)
class Found:
    """A weakness of a library that is known."""

    package: str
    identity: str
    mended_in: str

    def __str__(self) -> str:
        return f"{self.package} has {self.identity}, mended in {self.mended_in or 'no version'}"


def pins(locks: Iterable[Path]) -> set[tuple[str, str]]:
    """Give names and versions of all libraries in locks."""
    return {pin for lock in locks for pin in _PIN.findall(lock.read_text(encoding="utf-8"))}


def rounds(wanted: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Deal out pins so that no library is in a round twice, as pip-audit wants it."""
    dealt: list[dict[str, str]] = []
    for name, version in sorted(wanted):
        free = next((one for one in dealt if name not in one), None)
        if free is None:
            dealt.append(free := {})
        free[name] = f"{name}=={version}"
    return [list(one.values()) for one in dealt]


def ask(program: str, pinned: list[str]) -> list[dict[str, Any]] | None:
    """Give what pip-audit says of each library; None where it fails."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(pinned) + "\n")
        listed.flush()
        words = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
        done = subprocess.run(
            [program, *words, "--requirement", listed.name],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError):
        return None


def audit(program: str) -> tuple[list[Found], list[str]] | None:
    """Look at every lock; None where the list cannot be reached.

    Returns:
        What was found, and the libraries that the list does not have.
    """
    found, unknown, known = [], [], 0
    for pinned in rounds(pins(LOCKS.glob("*.lock"))):
        said = ask(program, pinned)
        if said is None:
            return None
        for library in said:
            name = f"{library['name']} {library.get('version', '')}".strip()
            if "skip_reason" in library:
                unknown.append(name)
                continue
            known += 1
            found += [
                Found(name, weakness["id"], " or ".join(weakness["fix_versions"]))
                for weakness in library["vulns"]
            ]
    return (found, unknown) if known else None


def main() -> None:
    """Print what was found; ends with 1 where there is something, or nobody to ask."""
    program = shutil.which("pip-audit", path=str(Path(sys.executable).parent))
    if program is None:
        sys.exit("pip-audit is missing: `make audit` installs it.")
    done = audit(program)
    if done is None:
        sys.exit(_NOT_REACHED)
    found, unknown = done
    for weakness in found:
        print(weakness)
    if unknown:
        print(f"Not in the list: {', '.join(unknown)}.")
    if found:
        sys.exit(f"{len(found)} known weaknesses.")
    print(f"No weakness is known of the {len(pins(LOCKS.glob('*.lock')))} libraries.")


if __name__ == "__main__":
    main()
