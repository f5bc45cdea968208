"""The package on a fresh Debian of a Pi's architecture: all that happens to it in its life."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deb.__main__ import build
from deb.targets import TARGETS

from tests.labs.rigs.cache import ROOT
from tests.labs.rigs.figures import MODEL, PROGRAM, assert_the_same, of_this_machine
from tests.labs.rigs.fresh import FRESH, Box, box

pytestmark = [pytest.mark.rig, pytest.mark.timeout(3600)]

WITHOUT_BROKER = ("--set", "mqtt.enabled=false")
LIVED = """
set -eu
harpi run --emulate "$1" --set mqtt.enabled=false > /shared/run.log 2>&1 &
daemon=$!
for second in $(seq 200); do
    harpi status --json > /shared/status.json 2> /dev/null && break
    sleep 1
done
sleep 60
harpi status --json > /shared/status.json
kill -TERM $daemon
wait $daemon
"""
"""Shell: a minute in the life of the daemon."""

RECORDING = "/usr/lib/harpi/harpi/_shipped/models/recordings/hapt_25_26.npz"
LEFT = re.compile(
    r"/(var/(lib/(dpkg|apt|systemd|ucf)|cache|log)|usr/share/doc|tmp|run|root)/"
    r"|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|/etc/\.pwd\.lock$"
)
"""What Debian itself keeps of what was there."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(TARGETS[0], tmp_path_factory.mktemp("dist"), compression="none")


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("debian")
    with box(FRESH, folder) as fresh:
        shutil.copy(package, fresh.shared / "harpi.deb")
        shutil.copy(later(package, folder), fresh.shared / "later.deb")
        for name in (PROGRAM, MODEL):
            (fresh.shared / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, fresh.shared / name)
        yield fresh


def later(package: Path, folder: Path) -> Path:
    """The package of a later version, whose settings have changed as well."""
    root, made = folder / "later", folder / "later.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", package, root], check=True)
    control = root / "DEBIAN/control"
    control.write_text(
        re.sub(r"(?m)^Version: (.*)$", r"Version: \1+later", control.read_text())
    )
    settings = root / "etc/harpi/harpi.toml"
    settings.write_text(f"# Of the later version.\n{settings.read_text()}")
    words = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", root, made]
    subprocess.run(words, check=True, capture_output=True)
    shutil.rmtree(root)
    return made


@pytest.fixture(scope="module")
def before(debian: Box) -> set[str]:
    return debian.files()


@pytest.fixture(scope="module")
def installed(debian: Box, before: set[str]) -> str:
    return debian.run("apt-get", "install", "--yes", "/shared/harpi.deb", seconds=1800)


def test_it_installs_and_says_what_comes_next(installed: str, debian: Box) -> None:
    assert "sudo harpi setup" in installed
    version = debian.run("harpi", "--version")
    assert version.startswith("harpi ")
    user = debian.run("getent", "passwd", "harpi")
    assert ":/var/lib/harpi:/usr/sbin/nologin" in user
    assert "harpi" in debian.run("getent", "group", "i2c")
    enabled = debian.run("systemctl", "is-enabled", "harpi.service")
    assert enabled.strip() == "enabled"
    assert debian.run("stat", "-c", "%U %a", "/var/lib/harpi").split() == ["harpi", "750"]


def test_its_python_judges_windows_and_learns_as_this_one(installed: str, debian: Box) -> None:
    said = debian.run("env", "PYTHONPATH=/usr/lib/harpi", "python3", "-P", f"/shared/{PROGRAM}")
    there = json.loads(said)
    assert (there["machine"], there["runtime"]) == ("aarch64", "ai_edge_litert")
    assert_the_same(there, of_this_machine())


def test_the_doctor_finds_nothing_that_fails(installed: str, debian: Box) -> None:
    done = debian.try_to("harpi", "doctor", "--emulate", "--json", *WITHOUT_BROKER)
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [check for check in checks if check["grade"] == "failure"]
    assert checks, done.stderr
    assert (done.returncode, failed) == (0, []), done.stdout


def test_it_lives_for_a_minute(installed: str, debian: Box) -> None:
    debian.run("sh", "-c", LIVED, "sh", RECORDING, seconds=900)
    log = (debian.shared / "run.log").read_text()
    assert "Traceback" not in log
    health = json.loads((debian.shared / "status.json").read_text())["health"]
    assert health["sensor"]["state"] == "running", log
    assert health["recognition"]["windows"] > 20


def test_the_three_models_are_evaluated(installed: str, debian: Box) -> None:
    words = ("--recording", "--subject", "25", "--learn", "10", "--json")
    said = debian.run("harpi", "evaluate", *words, seconds=1800)
    assert {"knn", "generic", "personal"} <= set(re.findall(r"knn|generic|personal", said))


def test_setup_sees_that_this_is_no_pi(installed: str, debian: Box) -> None:
    said = debian.run("harpi", "setup", "--dry-run")
    assert "This is not a Raspberry Pi: nothing would be changed." in said


def test_an_upgrade_keeps_changed_settings(installed: str, debian: Box) -> None:
    debian.run("sh", "-c", "echo '[device]\nid = \"mine\"' > /etc/harpi/harpi.toml")
    debian.run(
        "dpkg", "--force-confdef", "--force-confold", "--install", "/shared/later.deb",
        seconds=1800,
    )  # fmt: skip
    assert 'id = "mine"' in debian.run("cat", "/etc/harpi/harpi.toml")
    new = debian.run("cat", "/etc/harpi/harpi.toml.dpkg-dist")
    assert new.startswith("# Of the later version.")
    assert "mine" in debian.run("harpi", "config", "show", "--changed")


def test_removed_it_leaves_takes_and_settings_and_nothing_else(
    installed: str, debian: Box, before: set[str]
) -> None:
    debian.run("sh", "-c", "echo takes > /var/lib/harpi/takes.db")
    debian.run("apt-get", "remove", "--yes", "harpi", seconds=1800)
    left = {path for path in debian.files() - before if not LEFT.match(path)}
    of_the_person = {"/etc/harpi/harpi.toml", "/etc/harpi/harpi.toml.dpkg-dist"}
    assert {path for path in left if not path.startswith("/var/lib/harpi/")} <= of_the_person
    assert "/var/lib/harpi/takes.db" in left


def test_purged_it_leaves_nothing(installed: str, debian: Box, before: set[str]) -> None:
    debian.run("apt-get", "purge", "--yes", "harpi", seconds=1800)
    left = {path for path in debian.files() - before if not LEFT.match(path)}
    assert left == set()
    assert before - debian.files() == set()
    assert debian.try_to("getent", "passwd", "harpi").returncode != 0
    assert debian.try_to("test", "-e", "/usr/lib/harpi").returncode != 0
    assert debian.try_to("test", "-e", "/var/lib/harpi").returncode != 0
