"""Supply, temperature, clock and service of the computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi.doctor.context import Computer, Finding
from tests.doctor.ward import Ward, raspberry_pi, write

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
THERMAL = "sys/class/thermal/thermal_zone0/temp"
WELL = (
    "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nNRestarts=0\n"
    "WatchdogUSec=30s\nUnitFileState=enabled\nNeedDaemonReload=no\n"
)


def program(folder: Path, name: str, says: str) -> None:
    """Put a program onto the path that says something."""
    path = write(folder, name, f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("flags", "grade"),
    [("0", "ok"), ("50000", "warning"), ("50005", "failure"), ("20000", "ok")],
)
def test_under_voltage(ward: Ward, flags: str, grade: str) -> None:
    raspberry_pi(ward.root)
    write(ward.root, THROTTLED, flags)
    found = ward.examine_one("supply")
    assert found.grade == grade
    assert ("power supply" in found.remedy) is (grade != "ok")


@pytest.mark.parametrize(("alarm", "grade"), [("0", "ok"), ("1", "failure")])
def test_under_voltage_by_the_kernels_own_sensor(ward: Ward, alarm: str, grade: str) -> None:
    write(ward.root, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(ward.root, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    write(ward.root, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    assert ward.examine_one("supply").grade == grade


@pytest.mark.parametrize(
    ("milli", "flags", "grade"),
    [
        ("48250", "0", "ok"),
        ("75000", "0", "warning"),
        ("84000", "0", "failure"),
        ("60000", "8", "failure"),
    ],
)
def test_temperature(ward: Ward, milli: str, flags: str, grade: str) -> None:
    raspberry_pi(ward.root)
    write(ward.root, THERMAL, milli)
    write(ward.root, THROTTLED, flags)
    assert ward.examine_one("temperature").grade == grade


def test_a_computer_that_tells_nothing(ward: Ward) -> None:
    findings = ward.examine("supply", "temperature")
    assert [finding.grade for finding in findings.values()] == ["skipped", "skipped"]


@pytest.mark.parametrize(
    ("kept", "grade"), [(True, "ok"), (False, "warning"), (None, "skipped")]
)
def test_the_system_clock(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, kept: bool | None, grade: str
) -> None:
    monkeypatch.setattr(Computer, "clock_is_set", lambda self: kept)
    assert ward.examine_one("time").grade == grade


def test_a_clock_that_was_never_set(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr("harpi.doctor.computer.time.localtime", lambda: time.gmtime(0))
    found = ward.examine_one("time")
    assert (found.grade, found.text) == ("failure", "the system clock says 1970-01-01")


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    assert Computer().clock_is_set() in (True, False)


def service(ward: Ward, monkeypatch: pytest.MonkeyPatch, shown: str) -> Finding:
    program(ward.folder / "bin", "systemctl", shown)
    monkeypatch.setenv("PATH", f"{ward.folder / 'bin'}:/usr/bin:/bin")
    return ward.examine_one("service")


@pytest.mark.parametrize(
    ("changes", "grade", "remedy"),
    [
        ({}, "ok", ""),
        ({"LoadState": "not-found"}, "skipped", ""),
        ({"ActiveState": "failed", "Result": "exit-code"}, "failure", "journalctl -u harpi"),
        ({"SubState": "auto-restart"}, "failure", "journalctl -u harpi"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "warning", "systemctl start harpi"),
        ({"NRestarts": "3"}, "warning", "journalctl -u harpi"),
        ({"WatchdogUSec": "0"}, "warning", "WatchdogSec=30"),
        ({"UnitFileState": "disabled"}, "warning", "systemctl enable harpi"),
        ({"NeedDaemonReload": "yes"}, "warning", "daemon-reload"),
    ],
)
def test_the_unit(
    ward: Ward,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    grade: str,
    remedy: str,
) -> None:
    shown = dict(line.split("=") for line in WELL.split()) | changes
    text = "\n".join(f"{key}={value}" for key, value in shown.items())
    found = service(ward, monkeypatch, text)
    assert found.grade == grade
    assert remedy in found.remedy


def test_a_program_that_fails_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "systemctl", "#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Computer().run("systemctl", "show") is None
    assert Computer().run("no-such-program") is None


@pytest.mark.parametrize(
    ("settings", "unit", "grade", "says"),
    [
        ({}, "", "ok", "reaches all"),
        ({"paths__state": "/srv/harpi"}, "", "failure", "paths.state is /srv/harpi"),
        ({"paths__state": "/srv/harpi"}, "ReadWritePaths=/srv/harpi", "ok", ""),
        ({"web__key_file": "/home/ada/page.key"}, "", "failure", "web.key_file is /home/ada"),
        ({"mqtt__password_file": "/root/secret"}, "", "failure", "cannot see /root"),
        ({"models__base": "/tmp/my.tflite"}, "", "failure", "models.base"),
    ],
)
def test_what_the_sandbox_of_the_service_keeps_from_it(
    ward: Ward,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, object],
    unit: str,
    grade: str,
    says: str,
) -> None:
    program(ward.folder / "bin", "systemctl", f"LoadState=loaded\n{unit}\n")
    monkeypatch.setenv("PATH", f"{ward.folder / 'bin'}:/usr/bin:/bin")
    ward.settings = {"paths__state": "/var/lib/harpi", **settings}
    found = ward.examine("sandbox")["sandbox"]
    assert (found.grade, says in found.text) == (grade, True)
    assert bool(found.remedy) == (grade == "failure")


def test_state_in_memory_is_told(ward: Ward) -> None:
    (ward.root / "proc/self").mkdir(parents=True)
    mounts = ward.root / "proc/self/mounts"
    mounts.write_text("tmpfs / tmpfs rw 0 0\n")
    found = ward.examine("durable")["durable"]
    assert (found.grade, "would not survive a reboot" in found.text) == ("warning", True)
    mounts.write_text("/dev/mmcblk0p2 / ext4 rw 0 0\n")
    assert ward.examine("durable")["durable"].grade == "ok"
