"""docs/mqtt.md, walked: every command works at the broker that `harpi setup --broker` makes.

The Pi is the root of one in a folder, with a mosquitto that is given its files as they stand.
What the page calls `/etc/...` lies there, and `raspberrypi.local` is this computer.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from harpi.setup.features import Features
from tests.setup.test_features import WITH_BROKER, Programs
from tests.support.clean_shell import shell
from tests.support.fake_pi import install, make_pi

PAGE = (Path(__file__).parents[1] / "docs" / "mqtt.md").read_text("utf-8")
WALK = re.compile(
    r"^```(?:console broker|toml (\S+\.toml))\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
SECONDS = 90

pytestmark = pytest.mark.broker


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A Pi after `sudo harpi setup --broker`, with `/etc` in its files led to where it lies."""
    root = make_pi(tmp_path / "pi", {**WITH_BROKER, "etc/harpi/harpi.toml": b""})
    install(root, run=Programs(), features=Features(broker=True))
    for name in ("harpi/harpi.d/20-setup.toml", "mosquitto/conf.d/harpi.conf"):
        file = root / "etc" / name
        file.write_text(file.read_text().replace("/etc/", f"{root}/etc/"))
    for file in (root / "etc").rglob("*"):  # a user of this computer runs all of it
        if os.geteuid() == 0:
            os.chown(file, 0, 0, follow_symlinks=False)
    return root


def test_every_command_of_the_page_works_at_the_broker_of_a_setup(
    pi: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("ca.crt", "viewer.password"):
        (home / name).write_bytes((pi / "etc/harpi" / name).read_bytes())
        (home / name).chmod(0o600)
    own = f"--config {pi}/etc/harpi/harpi.toml"
    lines = [
        f"mosquitto -c {pi}/etc/mosquitto/conf.d/harpi.conf >broker.log 2>&1 &",
        "sleep 1",
        f"harpi run {own} --emulate demo --set device.id=raspberrypi >run.log 2>&1 &",
        "sleep 6",
    ]
    for file, body in WALK.findall(PAGE):
        text = body.replace("/etc/", f"{pi}/etc/").replace("raspberrypi.local", "localhost")
        if file:
            (home / file).write_text(text)
            continue
        for line in text.splitlines():
            command = line.removeprefix("$ ")
            lines.append(command if "--config" in command else f"{command} {own}")
    assert len(lines) > 8
    done = shell([*lines, "cat run.log broker.log"], home, seconds=SECONDS)
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.count("raspberrypi activity=") == 6
    assert len(re.findall(r"^raspberrypi  online", done.stdout, re.MULTILINE)) == 3
    assert "denied" not in done.stdout.lower()
    assert "instead" not in done.stdout
