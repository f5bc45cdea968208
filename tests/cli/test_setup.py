"""`harpi setup` as a person calls it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.setup.test_features import WITH_BROKER
from tests.support.broker import PATIENCE, wait_until
from tests.support.command import harpi
from tests.support.fake_pi import PI_4, make_pi, snapshot
from tests.support.terminal import Terminal


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return make_pi(tmp_path / "pi")


def test_on_a_machine_that_is_no_pi_a_dry_run_says_so() -> None:
    done = harpi("setup", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "This is not a Raspberry Pi: nothing would be changed." in done.stdout
    assert not Path("/var/lib/harpi-setup").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="another test shows it where this is not root")
def test_on_a_machine_that_is_no_pi_nothing_is_set_up() -> None:
    done = harpi("setup")
    assert (done.returncode, done.stderr.count("\n")) == (10, 1)
    assert "this is not a Raspberry Pi" in done.stderr
    assert not Path("/etc/harpi").exists()


def test_a_dry_run_shows_the_plan_and_the_differences(pi: Path) -> None:
    before = snapshot(pi)
    done = harpi("setup", "--dry-run", "--root", str(pi))
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first.startswith(f"{PI_4}, Debian GNU/Linux 12 (bookworm), 64 bits, Python 3.")
    assert "change  /boot/firmware/config.txt" in lines
    assert "    +dtparam=i2c_arm_baudrate=400000" in lines
    assert "add     user harpi, group gpio, harpi in group i2c, harpi in group gpio" in lines
    assert lines[-1] == "Nothing was changed."
    assert snapshot(pi) == before


def test_there_and_back(pi: Path) -> None:
    before = snapshot(pi)
    there = harpi("setup", "--root", str(pi), "--user", "ada", "--profile", "leg")
    assert there.returncode == 0, there.stderr
    assert there.stdout.splitlines()[-1] == "harpi starts when this system boots."
    again = harpi("setup", "--root", str(pi), "--user", "ada")
    assert again.stdout.splitlines()[1:] == ["Everything is as it should be."]
    look = harpi("setup", "--root", str(pi), "--remove", "--dry-run")
    assert "restore /boot/firmware/config.txt" in look.stdout
    back = harpi("setup", "--root", str(pi), "--remove")
    assert back.returncode == 0, back.stderr
    assert snapshot(pi) == before
    nothing = harpi("setup", "--root", str(pi), "--remove")
    assert nothing.stdout == "- `harpi setup` has changed nothing on this machine.\n"


@pytest.mark.broker
def test_on_a_terminal_it_asks_and_shows_what_it_made_once(tmp_path: Path) -> None:
    pi = make_pi(tmp_path / "pi", WITH_BROKER)
    terminal = Terminal("setup", "--root", str(pi), "--user", "ada", width=120)
    for question, answer in (
        ("Are buttons wired", "y"),
        ("Are LEDs wired", "n"),
        ("Serve the page", "y"),
        ("Install an MQTT broker", "y"),
    ):
        wait_until(lambda question=question: question in terminal.written, question)  # type: ignore[misc]
        terminal.type(f"{answer}\n")
    assert terminal.wait(PATIENCE) == 0
    password = (pi / "etc/harpi/page.password").read_text().strip()
    assert "https://raspberrypi.local:6050/" in terminal.written
    assert terminal.written.count(password) == 1
    assert "user homeassistant, password: " in terminal.written
    again = harpi("setup", "--root", str(pi), "--user", "ada", "--page")
    assert password not in again.stdout
    text = (pi / "etc/harpi/harpi.d/20-setup.toml").read_text()
    assert "[buttons]\nenabled = true" in text
    assert "[leds]" not in text


@pytest.mark.broker
def test_into_a_file_goes_no_password(tmp_path: Path) -> None:
    pi = make_pi(tmp_path / "pi", WITH_BROKER)
    done = harpi("setup", "--root", str(pi), "--page", "--broker")
    assert done.returncode == 0, done.stderr
    assert "password: in /etc/harpi/page.password" in done.stdout
    assert (pi / "etc/harpi/page.password").read_text().strip() not in done.stdout


def test_who_is_not_root_is_told_so_in_a_sentence(
    pi: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harpi.cli import main

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for words in (["setup"], ["setup", "--remove"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 10
        assert capsys.readouterr().err == (
            "harpi: harpi setup: only root may change the system. Call it with sudo; --dry-run "
            "shows without sudo what it would do.\n"
        )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--purge"], "goes with --remove only"),
        (["--root", "/nowhere"], "does not exist"),
        (["--root", "/", "--nonsense"], "nonsense"),
    ],
)
def test_words_that_mean_nothing_are_refused(words: list[str], problem: str) -> None:
    done = harpi("setup", *words)
    assert done.returncode == 2
    assert problem in " ".join(done.stderr.split())


def test_a_damaged_ledger_is_left_to_a_person(pi: Path) -> None:
    folder = pi / "var/lib/harpi-setup"
    folder.mkdir()
    (folder / "ledger.json").write_text("{")
    for words in (["--dry-run"], [], ["--remove"]):
        done = harpi("setup", "--root", str(pi), *words)
        assert "Traceback" not in done.stderr
        if words != ["--dry-run"]:
            assert done.returncode == 10
            assert "ledger of an earlier setup is damaged" in done.stderr
