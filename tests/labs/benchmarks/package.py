"""What is on the disk: harpi with all that it needs, beside what one would install instead.

Files of the installed packages as their records list them, without compiled Python; a library
counts with everything that it requires.
"""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table

HARPI = "harpi[tflite]"
OWN = ("pi/harpi", "models/shipped", "firmware_config", "systemd")
OTHERS = (
    "harpi[tflite,web]",
    "tflite-runtime",
    "tensorflow-cpu",
    "scikit-learn",
    "river",
    "tsfel",
    "tsfresh",
)


def measure(effort: Effort) -> list[Table]:
    del effort
    table = Table(
        "Installed size", note="harpi itself is what its wheel holds of this checkout."
    )
    reference = sum(_sizes(HARPI).values())
    for name in (HARPI, *OTHERS):
        try:
            sizes = _sizes(name)
        except PackageNotFoundError:
            table.not_run(name, "it is not installed")
            continue
        total = sum(sizes.values())
        largest = sorted(sizes, key=lambda own: -sizes[own])[:3]
        table.add(
            installed=name,
            **{
                "MB": total / 1e6,
                f"x {HARPI}": total / reference,
                "packages": len(sizes),
                "largest": ", ".join(f"{own} {sizes[own] / 1e6:.0f}" for own in largest),
            },
        )
    return [table]


def _sizes(requirement: str) -> dict[str, int]:
    """Bytes of a package and of all that it requires here, by name.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    sizes: dict[str, int] = {}
    _add(Requirement(requirement), sizes, set())
    return sizes


def _add(wanted: Requirement, sizes: dict[str, int], seen: set[str]) -> None:
    if str(wanted) in seen:
        return
    seen.add(str(wanted))
    found = distribution(wanted.name)
    sizes[found.name.lower()] = _bytes(found)
    for line in found.requires or ():
        needed = Requirement(line)
        extras = wanted.extras or {""}
        if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
            _add(needed, sizes, seen)


def _bytes(package: Distribution) -> int:
    if package.name == "harpi":
        return _own_bytes()
    paths = (Path(str(file.locate())) for file in package.files or ())
    return sum(p.stat().st_size for p in paths if p.is_file() and p.suffix != ".pyc")


def _own_bytes() -> int:
    """What the wheel would hold; here it is installed as a link to the checkout."""
    root = Path(__file__).resolve().parents[3]
    files = (path for own in OWN for path in (root / own).rglob("*"))
    return sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc")
