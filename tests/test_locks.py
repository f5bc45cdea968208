"""The locks do as they are, whatever anybody releases: complete, with digests, by any pip.

The oldest pip of each Python installs them from an index of its own, in which each library has
a newer release. Its wheels are empty, but ask for what the real ones ask for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deb import lock
from tests.locks import LOCKS, METADATA, PYTHONS, ROOT, Lock, missing

OLDEST_PIP: Final = Path(sys.prefix) / "oldest-pip/pip"

REQUIRES: Final[dict[str, list[str]]] = json.loads(METADATA.read_text("utf-8"))
MAKEFILE: Final = (ROOT / "Makefile").read_text("utf-8")
NEWER: Final = "9999"
HERE: Final = "x86_64"


def make_wheel(folder: Path, name: str, version: str, requires: Iterable[str]) -> str:
    """Write a wheel of nothing; give its digest."""
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in requires]
    files = {
        "METADATA": "\n".join(lines) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as content:
        for file, text in files.items():
            inside = f"{stem}.dist-info/{file}"
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += f"{inside},sha256={digest.decode().rstrip('=')},{len(text)}\n"
            content.writestr(inside, text)
        content.writestr(f"{stem}.dist-info/RECORD", record + f"{stem}.dist-info/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def with_newer_releases(path: Path, index: Path) -> Path:
    """Fill an index (PEP 503) for a lock; give the lock with the digests of that index."""
    index.mkdir()
    written = []
    for line in lock.lines(path):
        stated = re.split(r"\s+--hash=", line)[0]
        wanted = Requirement(stated)
        (version,) = (spec.version for spec in wanted.specifier)
        name = canonicalize_name(wanted.name)
        requires = REQUIRES.get(f"{name}=={version}", [])  # not of what is for 32 bits alone
        folder = index / name
        folder.mkdir(exist_ok=True)
        digest = make_wheel(folder, wanted.name, version, requires)
        make_wheel(folder, wanted.name, NEWER, requires)
        links = [f'<a href="{wheel.name}">{wheel.name}</a>' for wheel in folder.glob("*.whl")]
        (folder / "index.html").write_text("<!doctype html>" + "\n".join(links), "utf-8")
        written.append(f"{stated} --hash=sha256:{digest}")
    rewritten = index.parent / path.name
    rewritten.write_text("\n".join(written) + "\n", "utf-8")
    return rewritten


def environment() -> dict[str, str]:
    """The environment without anything that configures pip."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {**clean, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def installed(pip: list[str], listed: Path, index: Path, *options: str) -> set[tuple[str, str]]:
    """What pip would install: names and versions."""
    report = index.parent / "report.json"
    words = ["install", "--quiet", "--dry-run", "--ignore-installed"]
    words += ["--index-url", index.as_uri(), "--report", str(report), *options]
    subprocess.run(
        [*pip, *words, "-r", str(listed)],
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    found = [one["metadata"] for one in json.loads(report.read_text())["install"]]
    return {(canonicalize_name(one["name"]), one["version"]) for one in found}


def install_options() -> list[str]:
    """The options that `make` installs locks with."""
    (options,) = re.findall(r"(?m)^LOCKED := (.*)$", MAKEFILE)
    return str(options).split()


def pinned(one: Lock, python: tuple[int, int]) -> set[tuple[str, str]]:
    found = lock.pins(one.path, HERE, python).values()
    return {(canonicalize_name(r.name), str(r.specifier)[2:]) for r, _ in found}


@pytest.mark.parametrize("one", LOCKS, ids=lambda one: one.name)
def test_a_lock_holds_everything_that_its_libraries_ask_for(one: Lock) -> None:
    for machine, python in one.systems():
        assert missing(one, machine, python, REQUIRES) == [], f"{machine}, {python}: make lock"


def test_every_lock_is_looked_at() -> None:
    assert {path.stem for path in METADATA.parent.glob("*.lock")} == {one.name for one in LOCKS}


def test_what_a_lock_lacks_is_told() -> None:
    demo = next(one for one in LOCKS if one.name == "demo")
    (pin,) = (pin for pin in REQUIRES if pin.startswith("rich=="))
    added = {**REQUIRES, pin: [*REQUIRES[pin], "absent", 'never; python_version < "3"']}
    assert missing(demo, HERE, (3, 13), added) == ["rich asks for absent, which is not there"]
    (typer,) = (pin for pin in REQUIRES if pin.startswith("typer=="))
    (told,) = missing(demo, HERE, (3, 11), {**REQUIRES, typer: ["rich>=9999"]})
    assert told == f"typer asks for rich>=9999, {pin.partition('==')[2]} is there"
    asks = {**REQUIRES, typer: ["rich[more]"], pin: ['absent; extra == "more"']}
    (told,) = missing(demo, HERE, (3, 12), asks)
    assert told.startswith("rich asks for absent")


@pytest.mark.oldest_pip
@pytest.mark.parametrize("one", LOCKS, ids=lambda one: one.name)
def test_the_oldest_pip_installs_a_lock_when_everything_has_a_newer_release(
    one: Lock, tmp_path: Path
) -> None:
    pip = [sys.executable, str(OLDEST_PIP)]
    listed = with_newer_releases(one.path, tmp_path / "index")
    wanted = pinned(one, sys.version_info[:2])
    assert installed(pip, listed, tmp_path / "index", *install_options()) == wanted


@pytest.mark.oldest_pip
def test_the_oldest_pip_puts_harpi_in_without_asking_the_index() -> None:
    words = ["install", "--quiet", "--dry-run", "--no-index", "--no-deps"]
    subprocess.run(
        [sys.executable, OLDEST_PIP, *words, "--no-build-isolation", "--editable", ROOT],
        env=environment(),
        check=True,
    )


def has_venv(python: str) -> bool:
    words = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def other_pythons() -> list[Any]:
    """Each Python that is not this one, as a parameter; those that are not here are named."""
    parameters = []
    for python in PYTHONS:
        name = "python" + ".".join(map(str, python))
        # pyenv keeps its own where no path leads; its stand-in on the path does not run.
        kept = sorted(Path.home().glob(f".pyenv/versions/{name[6:]}.*/bin/{name}"))
        programs = (str(one) for one in (*kept, shutil.which(name)) if one)
        program = next(filter(has_venv, programs), None)
        if python != sys.version_info[:2]:
            marks = () if program else pytest.mark.pythons
            parameters.append(pytest.param(program, python, id=name, marks=marks))
    return parameters


@pytest.mark.parametrize(("program", "python"), other_pythons())
def test_the_pip_of_another_python_installs_what_the_readme_names(
    program: str, python: tuple[int, int], tmp_path: Path
) -> None:
    subprocess.run([program, "-m", "venv", tmp_path / "venv"], check=True)
    pip = [str(tmp_path / "venv/bin/python"), "-m", "pip"]
    for one in LOCKS:
        if one.name in ("demo", "dev"):
            folder = tmp_path / one.name
            folder.mkdir()
            listed = with_newer_releases(one.path, folder / "index")
            found = installed(pip, listed, folder / "index", *install_options())
            assert found == pinned(one, python)
