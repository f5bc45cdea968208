"""Buttons, LEDs, page and broker: a setup switches them on, and all can be taken back."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harpi.config.loading import load
from harpi.config.schema import Config
from harpi.errors import SetupError
from harpi.setup.features import Features
from harpi.setup.machine import run
from tests.support.fake_pi import FILES, install, make_pi, quick_sysusers, snapshot, uninstall

ALL = Features(buttons=True, leds=True, page=True, broker=True)
WITH_BROKER = {
    "etc/passwd": FILES["etc/passwd"] + b"mosquitto:x:991:992::/var/lib/mosquitto:/bin/false\n",
    "etc/group": FILES["etc/group"] + b"mosquitto:x:992:\n",
    "etc/hostname": b"raspberrypi\n",
    "etc/mosquitto/mosquitto.conf": b"# Debian's\npersistence true\n"
    b"persistence_location /var/lib/mosquitto/\ninclude_dir /etc/mosquitto/conf.d\n",
}


class Programs:
    """The real openssl and mosquitto_passwd; remembers what all users could read of them."""

    def __init__(self) -> None:
        self.argued: list[str] = []

    def __call__(self, words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
        if words[0] == "systemd-sysusers":
            return quick_sysusers(words, text=text, may_fail=may_fail)
        self.argued.append(" ".join(words))
        return run(words, text=text, may_fail=may_fail)


def settings(pi: Path) -> Config:
    return load(pi / "etc/harpi/harpi.toml", environment={}).config


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return make_pi(tmp_path / "pi", WITH_BROKER)


pytestmark = pytest.mark.broker


@pytest.fixture
def set_up(pi: Path) -> Callable[[Features], tuple[str, ...]]:
    def call(features: Features) -> tuple[str, ...]:
        return install(pi, run=Programs(), features=features).made

    return call


def test_all_that_was_asked_for_is_on(pi: Path, set_up: Callable[[Features], object]) -> None:
    set_up(ALL)
    config = settings(pi)
    assert config.buttons.enabled
    assert config.leds.enabled
    assert (config.web.enabled, config.web.host) == (True, "0.0.0.0")
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.username) == (
        "localhost",
        8883,
        "raspberrypi",
    )
    assert config.mqtt.tls.enabled


def test_nothing_is_switched_unasked(pi: Path, set_up: Callable[[Features], object]) -> None:
    set_up(Features())
    assert not (pi / "etc/harpi/harpi.d/20-setup.toml").exists()
    assert not settings(pi).buttons.enabled


def test_one_can_be_added_and_another_switched_off(
    pi: Path, set_up: Callable[[Features], object]
) -> None:
    set_up(Features(buttons=True, leds=True))
    set_up(Features(page=True))
    set_up(Features(leds=False))
    config = settings(pi)
    assert (config.buttons.enabled, config.leds.enabled, config.web.enabled) == (
        True,
        False,
        True,
    )


def test_a_second_time_nothing_is_to_be_done(
    pi: Path, set_up: Callable[[Features], tuple[str, ...]]
) -> None:
    assert set_up(ALL)
    before = snapshot(pi)
    assert set_up(ALL) == ()
    assert set_up(Features()) == ()
    assert snapshot(pi) == before


def test_all_of_it_can_be_taken_back(pi: Path, set_up: Callable[[Features], object]) -> None:
    before = snapshot(pi)
    set_up(ALL)
    uninstall(pi)
    assert snapshot(pi) == before


def test_passwords_are_for_who_needs_them_and_in_no_list_of_processes(pi: Path) -> None:
    programs = Programs()
    install(pi, run=programs, features=ALL)
    names = ("page", "mqtt", "homeassistant", "viewer")
    files = [pi / f"etc/harpi/{name}.password" for name in names]
    passwords = {file.read_text().strip() for file in files}
    assert len(passwords) == 4
    assert {len(password) for password in passwords} == {14}
    said = " ".join(programs.argued)
    ledger = (pi / "var/lib/harpi-setup/ledger.json").read_text()
    hashed = (pi / "etc/mosquitto/harpi.passwords").read_text()
    for password in passwords:
        assert password not in said + ledger + hashed
    secret = [*files, pi / "etc/harpi/page.key"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in secret} == {0o640}
    for_mosquitto = [
        pi / "etc/mosquitto/harpi.passwords",
        pi / "etc/mosquitto/certs/broker.key",
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in for_mosquitto} == {0o600}
    if os.geteuid() == 0:
        assert {(x.stat().st_uid, x.stat().st_gid) for x in secret} == {(0, 990)}
        assert {(x.stat().st_uid, x.stat().st_gid) for x in for_mosquitto} == {(991, 992)}


def test_the_certificates_are_for_the_names_of_the_pi_and_fit_their_keys(
    pi: Path, set_up: Callable[[Features], object]
) -> None:
    set_up(ALL)

    def openssl(*words: str) -> str:
        done = subprocess.run(
            ["openssl", *words], cwd=pi / "etc", capture_output=True, text=True, check=True
        )
        return done.stdout

    page, broker = "harpi/page", "mosquitto/certs/broker"
    for name in ("raspberrypi", "raspberrypi.local", "localhost"):
        for certificate in (page, broker):
            shown = openssl("x509", "-in", f"{certificate}.crt", "-noout", "-checkhost", name)
            assert "does match" in shown
    for pair in (page, broker):
        public = openssl("x509", "-in", f"{pair}.crt", "-noout", "-pubkey")
        assert public == openssl("pkey", "-in", f"{pair}.key", "-pubout")
    assert "OK" in openssl("verify", "-x509_strict", "-CAfile", "harpi/ca.crt", f"{broker}.crt")
    assert not list(pi.rglob("ca.key"))


def test_a_password_that_a_person_changed_is_the_one_that_counts(
    pi: Path, set_up: Callable[[Features], object]
) -> None:
    set_up(ALL)
    hashed = (pi / "etc/mosquitto/harpi.passwords").read_text().splitlines()
    changed = pi / "etc/harpi/viewer.password"
    changed.write_text("correct horse\n")
    later = (pi / "etc/mosquitto/harpi.passwords").stat().st_mtime_ns + 1_000_000_000
    os.utime(changed, ns=(later, later))
    set_up(Features(broker=True))
    now = (pi / "etc/mosquitto/harpi.passwords").read_text().splitlines()
    assert len(now) == len(hashed) == 3
    assert len(set(now) - set(hashed)) == 1
    assert changed.read_text() == "correct horse\n"


def test_a_broker_that_is_somebody_elses_is_left_alone(pi: Path) -> None:
    (pi / "etc/mosquitto/conf.d").mkdir()
    (pi / "etc/mosquitto/conf.d/home.conf").write_text("# ours\nlistener 1883\n")
    before = snapshot(pi)
    with pytest.raises(
        SetupError, match=r"home.conf: mosquitto has settings of its own here.*listener"
    ):
        install(pi, run=Programs(), features=ALL)
    assert snapshot(pi) == before


def test_without_a_mosquitto_in_a_folder_there_is_no_broker_in_it(pi: Path) -> None:
    (pi / "usr/sbin/mosquitto").unlink()
    with pytest.raises(SetupError, match="mosquitto is not installed in this system"):
        install(pi, run=Programs(), features=ALL)
