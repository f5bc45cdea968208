"""A system in a folder is set up, and is what harpi needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harpi import shipped
from harpi.config.loading import load
from harpi.errors import ConfigError, SetupError
from harpi.setup.applying import pending
from harpi.setup.boot import BEGIN
from harpi.setup.machine import detect, run
from harpi.setup.plan import find, make_plan
from tests.support.fake_pi import install, make_pi, snapshot, uninstall


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return make_pi(tmp_path / "pi")


def test_everything_is_there_that_the_service_needs(pi: Path) -> None:
    install(pi)
    unit = (pi / "etc/systemd/system/harpi.service").read_text()
    assert "\nExecStart=/opt/harpi/bin/harpi run\n" in unit
    assert unit.replace("/opt/harpi/bin/harpi", "x") == (
        shipped.path("systemd/harpi.service").read_text().replace("/opt/harpi/bin/harpi", "x")
    )
    enabled = pi / "etc/systemd/system/multi-user.target.wants/harpi.service"
    assert str(enabled.readlink()) == "/etc/systemd/system/harpi.service"
    assert "i2c-dev" in (pi / "etc/modules-load.d/harpi.conf").read_text()
    assert (pi / "etc/udev/rules.d/60-harpi.rules").exists()
    assert (pi / "etc/tmpfiles.d/harpi.conf").exists()
    assert (pi / "etc/harpi/harpi.d").is_dir()
    assert BEGIN in (pi / "boot/firmware/config.txt").read_bytes()
    assert str((pi / "usr/local/bin/harpi").readlink()) == "/opt/harpi/bin/harpi"
    groups = (pi / "etc/group").read_text()
    assert re.search(r"(?m)^i2c:x:988:ada,harpi$", groups)
    assert re.search(r"(?m)^gpio:x:\d+:harpi$", groups)
    assert re.search(r"(?m)^harpi:x:\d+:ada$", groups)
    assert re.search(r"(?m)^harpi:.*:/usr/sbin/nologin$", (pi / "etc/passwd").read_text())


def test_the_configuration_that_it_creates_lets_its_group_command_and_no_more(
    pi: Path,
) -> None:
    install(pi)
    settings = load(pi / "etc/harpi/harpi.toml", environment={})
    assert set(settings.origins) == {"socket.group"}
    assert settings.config.socket.group == "harpi"


def test_with_its_comments_taken_away_every_line_of_it_is_a_setting(tmp_path: Path) -> None:
    text = shipped.path("firmware_config/harpi.toml").read_text()
    (tmp_path / "harpi.toml").write_text(re.sub(r"(?m)^#(?=\w+ = )", "", text))
    settings = load(tmp_path / "harpi.toml", environment={})
    assert settings.config.buttons.enabled
    assert len(settings.origins) == text.count(" = ")


def test_a_second_time_nothing_is_to_be_done(pi: Path) -> None:
    assert install(pi).changed
    before = snapshot(pi)
    assert not install(pi).changed
    assert snapshot(pi) == before


def test_looking_changes_nothing(pi: Path) -> None:
    before = snapshot(pi)
    machine = detect(pi)
    changes = pending(make_plan(machine, find(machine), run, user="ada", profile="leg"))
    assert snapshot(pi) == before
    whats = [change.what for change in changes]
    assert "/boot/firmware/config.txt" in whats
    assert "/etc/harpi/harpi.d/10-profile.toml" in whats
    boot = changes[whats.index("/boot/firmware/config.txt")]
    assert boot.verb == "change"
    assert "+dtparam=i2c_arm=on" in boot.diff
    assert not [line for line in boot.diff[2:] if line.startswith("-")]


def test_what_a_person_set_is_not_overwritten(pi: Path) -> None:
    install(pi)
    settings = pi / "etc/harpi/harpi.toml"
    settings.write_text("[device]\nid = 'mine'\n")
    assert not install(pi).changed
    assert settings.read_text() == "[device]\nid = 'mine'\n"


def test_a_unit_that_a_person_changed_is_renewed_and_the_old_one_can_be_had(pi: Path) -> None:
    install(pi)
    unit = pi / "etc/systemd/system/harpi.service"
    good = unit.read_bytes()
    unit.write_text("[Service]\n")
    said: list[str] = []
    install(pi, say=said.append)
    assert said == ["change  /etc/systemd/system/harpi.service"]
    assert unit.read_bytes() == good


def test_other_pins_in_the_configuration_are_other_pins_for_the_firmware(pi: Path) -> None:
    install(pi)
    (pi / "etc/harpi/harpi.toml").write_text("[buttons]\nlabels = [22, 23]\n")
    install(pi)
    text = (pi / "boot/firmware/config.txt").read_text()
    assert "gpio=12,22,23,26=ip,pu" in text
    assert text.count("[all]") == 2


def test_a_profile_can_be_chosen_and_changed(pi: Path) -> None:
    install(pi, profile="leg")
    rate = load(pi / "etc/harpi/harpi.toml", environment={}).config.sensor.rate
    install(pi, profile="high_impact")
    other = load(pi / "etc/harpi/harpi.toml", environment={}).config.sensor.rate
    install(pi)
    kept = load(pi / "etc/harpi/harpi.toml", environment={}).config.sensor.rate
    assert (rate, other, kept) == (100, 200, 200)


def test_an_unknown_profile_or_user_is_refused_before_anything_happens(pi: Path) -> None:
    before = snapshot(pi)
    with pytest.raises(SetupError, match=r"no profile knee.*arm, high_impact, leg"):
        install(pi, profile="knee")
    with pytest.raises(SetupError, match="bob: there is no such user"):
        install(pi, user="bob")
    assert snapshot(pi) == before


def test_a_configuration_that_cannot_be_used_stops_it(pi: Path) -> None:
    install(pi)
    (pi / "etc/harpi/harpi.toml").write_text("[sensor]\nrate = 51\n")
    before = snapshot(pi)
    with pytest.raises(ConfigError, match="rate"):
        install(pi)
    assert snapshot(pi) == before


def test_a_harpi_that_the_service_could_not_see_is_refused(pi: Path) -> None:
    place = pi / "home/ada/venv/bin"
    place.mkdir(parents=True)
    (place / "harpi").touch()
    with pytest.raises(SetupError, match=r"home folders of users.*Install harpi in /opt/harpi"):
        find(detect(pi), "/home/ada/venv/bin/harpi")


def test_a_harpi_that_others_may_not_read_is_refused(pi: Path) -> None:
    (pi / "opt/harpi").chmod(0o700)
    with pytest.raises(SetupError, match=r"opt/harpi: others may not read.*chmod o\+rX"):
        find(detect(pi))


def test_where_no_harpi_is_one_is_to_be_installed_first(pi: Path) -> None:
    (pi / "opt/harpi/bin/harpi").unlink()
    with pytest.raises(SetupError, match=r"no such program.*Install harpi there first"):
        find(detect(pi))


def test_the_package_has_brought_all_but_the_boot_configuration(pi: Path) -> None:
    for path in ("usr/lib/harpi/harpi/__init__.py", "usr/bin/harpi"):
        (pi / path).parent.mkdir(parents=True, exist_ok=True)
        (pi / path).touch()
    (pi / "etc/group").write_text("harpi:x:990:\n")
    said: list[str] = []
    install(pi, say=said.append)
    assert said == ["change  /boot/firmware/config.txt", "add     ada in group harpi"]


def test_the_package_does_not_stand_beside_another_setup(pi: Path) -> None:
    install(pi)
    for path in ("usr/lib/harpi/harpi/__init__.py", "usr/bin/harpi"):
        (pi / path).parent.mkdir(parents=True, exist_ok=True)
        (pi / path).touch()
    with pytest.raises(SetupError, match="sudo /opt/harpi/bin/harpi setup --remove"):
        install(pi)


def test_another_program_of_the_name_is_not_replaced(pi: Path) -> None:
    (pi / "usr/local/bin/harpi").write_text("another")
    with pytest.raises(SetupError, match="usr/local/bin/harpi: there is another file"):
        install(pi)
    assert not (pi / "etc/harpi").exists()


def test_it_tells_what_is_in_the_way_and_what_is_missing(tmp_path: Path) -> None:
    pi = make_pi(tmp_path / "pi", {"boot/firmware/config.txt": b"dtoverlay=mpu6050\n"})
    (pi / "usr/sbin/mosquitto").unlink()
    driver, broker = install(pi).notes
    assert "config.txt, line 1: dtoverlay=mpu6050. It gives the sensor to the kernel" in driver
    assert "No MQTT broker" in broker


def test_what_the_system_refuses_is_said_in_words(
    pi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "/boot/firmware/config.txt")

    monkeypatch.setattr("harpi.setup.steps.write_atomically", refuse)
    with pytest.raises(SetupError, match=r"config.txt: .*Read-only file system.*overlay"):
        install(pi)


def test_a_boot_partition_that_has_one_kind_of_permissions_is_written(
    pi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vfat refuses permissions other than those that all its files have."""
    import os

    boot = pi / "boot/firmware/config.txt"
    boot.chmod(0o755)
    change = os.fchmod

    def refuse(descriptor: int, mode: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink()
        if name.is_relative_to(boot.parent) and mode != 0o755:
            raise PermissionError(1, "Operation not permitted", str(name))
        change(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", refuse)
    install(pi)
    assert BEGIN in boot.read_bytes()
    uninstall(pi)
    assert BEGIN not in boot.read_bytes()


def test_state_on_another_disk_is_let_through_the_sandbox(pi: Path) -> None:
    install(pi)
    drop_in = pi / "etc/systemd/system/harpi.service.d/10-state.conf"
    assert not drop_in.exists()
    (pi / "etc/harpi/harpi.d/state.toml").write_text('[paths]\nstate = "/srv/harpi"\n')
    install(pi)
    lines = drop_in.read_text().splitlines()
    assert {"RequiresMountsFor=/srv/harpi", "ReadWritePaths=/srv/harpi"} <= set(lines)
    assert (pi / "srv/harpi").stat().st_mode & 0o777 == 0o750
    uninstall(pi)
    assert not drop_in.exists()


@pytest.mark.parametrize("folder", ["/home/ada/harpi", "/tmp/harpi", "harpi"])
def test_state_that_the_service_cannot_see_is_refused(pi: Path, folder: str) -> None:
    install(pi)
    (pi / "etc/harpi/harpi.d/state.toml").write_text(f'[paths]\nstate = "{folder}"\n')
    with pytest.raises(SetupError, match="cannot keep anything in"):
        install(pi)
