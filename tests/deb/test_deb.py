"""The package, without the libraries of others: what it holds and says about itself."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from deb.manual import manual
from deb.sbom import bill
from deb.targets import TARGETS, Target
from deb.tree import PRIVATE, SCRIPTS, changelog, lay_out, moment, package_version
from deb.wheels import ROOT, pins
from packaging.requirements import Requirement

from harpi import __version__
from tests.support.command_tree import walk

NOON = moment(1_800_000_000)
METADATA = """\
Metadata-Version: 2.4
Name: Some.Thing
Version: 1.2
Summary: does something
License-Expression: MIT
"""


def laid_out(folder: Path, target: Target) -> Path:
    """A package whose tree of libraries holds one made-up library."""
    about = folder / PRIVATE / "some_thing-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(METADATA)
    (about / "RECORD").write_text("some_thing.so,,\n")
    (folder / PRIVATE / "some_thing.so").write_bytes(b"\x7fELF")
    lay_out(folder, target, NOON)
    return folder


def fields(root: Path) -> dict[str, str]:
    text = (root / "DEBIAN/control").read_text()
    return dict(re.findall(r"(?m)^([A-Z][\w-]+): (.*)$", text))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_all_that_harpi_needs_is_pinned(target: Target) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["web"]]
    found = pins(target)
    for line in wanted:
        requirement = Requirement(line)
        pinned, text = found[requirement.name]
        (version,) = (spec.version for spec in pinned.specifier)
        assert requirement.specifier.contains(version), line
        assert "--hash=sha256:" in text
    runtimes = {"ai-edge-litert", "tflite-runtime"} & set(found)
    expected = {
        "trixie-arm64": {"ai-edge-litert"},
        "bookworm-arm64": {"ai-edge-litert"},
        "bookworm-armhf": {"tflite-runtime"},
        "trixie-armhf": set(),
    }
    assert runtimes == expected[target.name]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_package_says_what_it_is_and_what_it_needs(target: Target, tmp_path: Path) -> None:
    said = fields(laid_out(tmp_path, target))
    major, minor = target.python
    assert (said["Package"], said["Architecture"]) == ("harpi", target.architecture)
    assert said["Version"] == f"{__version__}+deb{target.release}"
    assert (
        f"python3 (>= {major}.{minor}~), python3 (<< {major}.{minor + 1}~)" in said["Depends"]
    )
    assert ("python3-numpy" in said["Depends"]) == (target.architecture == "armhf")


def test_everything_lies_where_debian_wants_it(tmp_path: Path) -> None:
    root = laid_out(tmp_path, TARGETS[0])
    unit = (root / "usr/lib/systemd/system/harpi.service").read_text()
    assert "\nExecStart=/usr/bin/harpi run\n" in unit
    assert (root / "usr/bin/harpi").stat().st_mode & 0o777 == 0o755
    assert (root / "DEBIAN/conffiles").read_text() == "/etc/harpi/harpi.toml\n"
    page = gzip.decompress((root / "usr/share/man/man1/harpi.1.gz").read_bytes()).decode()
    assert page == manual(__version__, "2027-01-15")
    assert "some_thing" in (root / "usr/share/doc/harpi/copyright").read_text()


def test_an_older_debian_has_an_older_package() -> None:
    versions = {target.release: package_version(target) for target in TARGETS}
    compared = ["dpkg", "--compare-versions", versions[12], "lt", versions[13]]
    assert subprocess.run(compared).returncode == 0


def test_all_files_are_summed_but_the_settings(tmp_path: Path) -> None:
    root = laid_out(tmp_path, TARGETS[0])
    done = subprocess.run(
        ["md5sum", "--check", "--quiet", root / "DEBIAN/md5sums"], cwd=root, capture_output=True
    )
    assert done.returncode == 0, done.stdout
    listed = {
        line.split("  ")[1] for line in (root / "DEBIAN/md5sums").read_text().splitlines()
    }
    there = {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and "DEBIAN" not in path.parts
    }
    assert there - listed == {"etc/harpi/harpi.toml"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_ones_of_a_posix_shell(name: str) -> None:
    script = ROOT / "deb/scripts" / name
    assert script.read_text().startswith("#!/bin/sh\nset -e\n")
    done = subprocess.run(["dash", "-n", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_bill_names_what_is_there_with_its_licence_and_digest(tmp_path: Path) -> None:
    armhf = TARGETS[1]
    root = laid_out(tmp_path, armhf)
    text = bill(root / PRIVATE, armhf, "1.0+deb13", "2027-01-15T08:00:00Z")
    content = json.loads(text)
    assert (content["bomFormat"], content["specVersion"]) == ("CycloneDX", "1.5")
    assert content["metadata"]["component"]["name"] == "harpi"
    thing, numpy = content["components"]
    assert thing["purl"] == "pkg:pypi/some.thing@1.2"
    assert thing["licenses"] == [{"expression": "MIT"}]
    (library,) = thing["components"]
    assert (library["name"], library["hashes"][0]["alg"]) == ("some_thing.so", "SHA-256")
    assert numpy["name"] == "python3-numpy"
    assert text == bill(root / PRIVATE, armhf, "1.0+deb13", "2027-01-15T08:00:00Z")


def test_the_changelog_is_that_of_harpi() -> None:
    text = changelog(TARGETS[0], NOON)
    assert text.startswith(
        f"harpi ({package_version(TARGETS[0])}) trixie; urgency=medium\n\n  * "
    )
    assert text.endswith("  Fri, 15 Jan 2027 08:00:00 +0000\n")
    items = [line for line in text.splitlines() if not line.startswith(" -- ")]
    assert max(map(len, items)) <= 80


def test_the_manual_page_has_every_command() -> None:
    page = manual(__version__, "2027-01-15")
    for node in walk():
        assert f".B {' '.join(node.words)}".replace("-", "\\-") in page


def test_the_package_can_be_packed_and_opened(tmp_path: Path) -> None:
    root = laid_out(tmp_path / "root", TARGETS[0])
    package = tmp_path / "harpi.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", root, package],
        check=True,
        capture_output=True,
    )
    listed = subprocess.run(
        ["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True
    ).stdout
    assert "-rwxr-xr-x root/root" in listed
    assert "./etc/harpi/harpi.d/" in listed
