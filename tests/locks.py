"""`make lock`: the locks in `requirements/`, what each is made from and for which systems.

pip installs them with `--no-deps --require-hashes --only-binary=:all:`: nothing is resolved and
nothing is built, so that no release of anybody changes what is installed. A lock must
therefore name everything, and have a wheel of it for every system. That is held by the tests,
which know what each library asks for from `requirements/metadata.json`, written here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deb.targets import TARGETS
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deb import lock
from tests.audit import rounds

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "requirements"
METADATA: Final = FOLDER / "metadata.json"
PYTHONS: Final = ((3, 11), (3, 12), (3, 13))

Requires = Mapping[str, list[str]]
"""By `name==version`, what a library asks for, as its metadata says it."""


@dataclass(frozen=True)
class Lock:
    """One lock.

    Attributes:
        name: of the file, without its ending.
        extras: of harpi that it holds, with what harpi itself needs; none: harpi is not in it.
        inputs: files in `requirements/` with what it holds besides.
        constraints: those that only bound versions.
        machines: that it is for.
        pythons: that it is for.
        built: libraries of which there is no wheel; `sdists` has what builds them.
    """

    name: str
    extras: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    machines: tuple[str, ...] = ("x86_64", "aarch64")
    pythons: tuple[tuple[int, int], ...] = PYTHONS
    built: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where it is."""
        return FOLDER / f"{self.name}.lock"

    def systems(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Give every machine and Python."""
        return ((machine, python) for machine in self.machines for python in self.pythons)

    def roots(self) -> list[Requirement]:
        """Give what was asked for."""
        asked = [line for name in self.inputs for line in lock.lines(FOLDER / name)]
        if self.extras:
            project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
            asked += project["dependencies"]
            for extra in self.extras:
                asked += project["optional-dependencies"][extra]
        return [Requirement(line) for line in asked]

    def from_source(self, machine: str, python: tuple[int, int]) -> tuple[str, ...]:
        """Give the names of what the index has no wheel of for a system."""
        if self.name != "deb":
            return self.built
        (target,) = (t for t in TARGETS if (t.machine, t.python) == (machine, python))
        return (*target.from_debian, *target.built)


LOCKS: Final = (
    Lock("demo", extras=("demo",), inputs=("build.in",)),
    Lock("dev", extras=("dev",), inputs=("build.in",)),
    Lock("models", extras=("models", "dev"), inputs=("build.in",)),
    # Not all of it goes together on other systems.
    Lock(
        "export",
        extras=("export", "dev"),
        inputs=("build.in",),
        constraints=("models.lock",),
        machines=("x86_64",),
        pythons=((3, 11),),
    ),
    Lock("bench", extras=("bench",), inputs=("build.in",)),
    Lock(
        "deb",
        extras=("tflite", "web"),
        constraints=("build.in",),
        machines=("aarch64", "armv7l"),
        pythons=((3, 11), (3, 13)),
    ),
    Lock("k210", inputs=("k210.in",), machines=("x86_64",), pythons=((3, 10),)),
    Lock("fuzz", inputs=("fuzz.in",), machines=("x86_64",)),
    Lock(
        "homeassistant",
        inputs=("homeassistant.in",),
        machines=("x86_64",),
        pythons=((3, 12), (3, 13)),
        built=("ciso8601", "fnvhash", "lru-dict", "paho-mqtt", "pyric"),
    ),
    Lock("sdists", inputs=("sdists.in",)),
    Lock("tools", inputs=("tools.in",)),
    Lock("oldest-pip", inputs=("oldest-pip.in",)),
)


def missing(one: Lock, machine: str, python: tuple[int, int], requires: Requires) -> list[str]:
    """Follow everything that a lock must hold on a system; give what is not as it must be."""
    pinned = {
        canonicalize_name(name): requirement
        for name, (requirement, _) in lock.pins(one.path, machine, python).items()
    }
    environment = lock.environment(machine, python)
    own = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    waiting = [("harpi" if one.extras else one.name, "", root) for root in one.roots()]
    seen, wrong = set(), []
    while waiting:
        who, extra, wanted = waiting.pop()
        if wanted.marker and not wanted.marker.evaluate({**environment, "extra": extra}):
            continue
        name = canonicalize_name(wanted.name)
        if name == "harpi":
            asked = {e: own["optional-dependencies"][e] for e in wanted.extras}
        elif name not in pinned:
            wrong.append(f"{who} asks for {wanted.name}, which is not there")
            continue
        else:
            (version,) = (spec.version for spec in pinned[name].specifier)
            if not wanted.specifier.contains(version, prereleases=True):
                wrong.append(f"{who} asks for {wanted}, {version} is there")
            asked = dict.fromkeys(("", *wanted.extras), requires[f"{name}=={version}"])
        for each, lines in asked.items():
            if (name, each) not in seen:
                seen.add((name, each))
                waiting += [(name, each, Requirement(line)) for line in lines]
    return wrong


def main() -> None:
    """Renew the locks, or only those named; then the metadata of all."""
    tools, *names = sys.argv[1:]
    for one in LOCKS:
        if not names or one.name in names:
            compile_lock(Path(tools), one)
    for one in LOCKS:
        for machine, python in one.systems():
            check_wheels(Path(tools), one, machine, python)
    known = json.loads(METADATA.read_text("utf-8")) if METADATA.exists() else {}
    requires = metadata(Path(tools), known)
    METADATA.write_text(json.dumps(requires, indent=1, sort_keys=True) + "\n", "utf-8")


def compile_lock(tools: Path, one: Lock) -> None:
    """Let uv find the newest versions that go together."""
    words = ["pip", "compile", "--quiet", "--upgrade", "--generate-hashes"]
    systems = list(one.systems())
    if len(systems) == 1:
        words.append(f"--python-platform={systems[0][0]}-manylinux_2_36")
    else:
        words.append("--universal")
    words += ["--no-emit-index-url", "--no-header"]
    words += ["--python-version", ".".join(map(str, one.pythons[0]))]
    words += [f"--extra={extra}" for extra in one.extras]
    words += [f"--constraint=requirements/{name}" for name in one.constraints]
    words += [f"requirements/{name}" for name in one.inputs]
    words += ["pyproject.toml"] if one.extras else []
    words += ["--output-file", str(one.path.relative_to(ROOT))]
    subprocess.run([tools / "uv", *words], check=True, cwd=ROOT)


def check_wheels(tools: Path, one: Lock, machine: str, python: tuple[int, int]) -> None:
    """See that there is a wheel of everything in a lock for a system.

    Raises:
        SystemExit: there is none of something; uv has said of what.
    """
    source = one.from_source(machine, python)
    pinned = lock.pins(one.path, machine, python)
    lines = [
        line for name, (_, line) in pinned.items() if canonicalize_name(name) not in source
    ]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("\n".join(lines) + "\n", "utf-8")
        words = ["pip", "install", "--quiet", "--dry-run", "--no-deps", "--require-hashes"]
        words += ["--only-binary=:all:", f"--target={folder}/target"]
        words += [f"--python-platform={machine}-manylinux_2_36" if machine != "armv7l" else ""]
        words += ["--python-version", ".".join(map(str, python)), f"--requirement={listed}"]
        if subprocess.run([tools / "uv", *filter(None, words)], check=False).returncode:
            version = ".".join(map(str, python))
            raise SystemExit(f"{one.name}.lock does not do for {machine}, Python {version}.")


def metadata(tools: Path, known: Requires) -> Requires:
    """Give what every library in the locks asks for; the index is asked what is not known."""
    found: dict[str, list[str]] = {}
    new: dict[tuple[str, tuple[int, int]], set[tuple[str, str]]] = {}
    for one in LOCKS:
        for machine, python in one.systems():
            source = one.from_source(machine, python)
            for name, (requirement, _) in lock.pins(one.path, machine, python).items():
                (version,) = (spec.version for spec in requirement.specifier)
                pin = f"{canonicalize_name(name)}=={version}"
                if pin in known:
                    found[pin] = known[pin]
                elif pin not in found:
                    found[pin] = []
                    where = ("", python) if name in source else (machine, python)
                    new.setdefault(where, set()).add((name, version))
    for (machine, python), wanted in new.items():
        for pins in rounds(wanted):
            for about in ask(tools, pins, machine, python):
                pin = f"{canonicalize_name(about['name'])}=={about['version']}"
                found[pin] = about.get("requires_dist", [])
    return without_extras(found)


def without_extras(found: Requires) -> Requires:
    """Leave out what only extras ask for that nobody asks for: nearly all of it."""
    extras = {
        (canonicalize_name(r.name), e) for one in LOCKS for r in one.roots() for e in r.extras
    }
    while True:
        kept = {
            pin: sorted(
                line
                for line in lines
                if not (of := re.findall(r"extra == [\"']([^\"']+)", line))
                or {(pin.partition("==")[0], extra) for extra in of} & extras
            )
            for pin, lines in found.items()
        }
        more = {
            (canonicalize_name(one.name), extra)
            for lines in kept.values()
            for one in map(Requirement, lines)
            for extra in one.extras
        }
        if more <= extras:
            return kept
        extras |= more


def ask(
    tools: Path, pins: list[str], machine: str, python: tuple[int, int]
) -> Iterator[dict[str, Any]]:
    """Give the metadata of libraries, as pip reads it; of this machine's where none is said."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = ["install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        words += ["--report", str(report), *pins]
        if machine:
            words += ["--only-binary=:all:", f"--target={folder}/target"]
            words += ["--python-version", ".".join(map(str, python))]
            words += [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(5, 37)]
            words += [f"--platform=manylinux{year}_{machine}" for year in (1, 2010, 2014)]
        subprocess.run([tools / "pip", *words], check=True)
        for installed in json.loads(report.read_text("utf-8"))["install"]:
            yield installed["metadata"]


if __name__ == "__main__":
    main()
