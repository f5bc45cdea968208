"""What a setup asks of the machine that runs: systemd, udev, pip and apt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harpi.errors import SetupError
from harpi.setup.applying import Outcome, remove, set_up
from harpi.setup.machine import Choice, Machine, detect
from harpi.setup.plan import find, make_plan
from tests.support.fake_pi import make_pi, quick_sysusers

CHOICE = Choice("the thing", ("no_such_module",), "apt", ("python3-thing",), "It goes without.")


class Programs:
    """The programs of a machine that runs; remembers what was asked, and does as told."""

    def __init__(self, *failing: str) -> None:
        self.asked: list[str] = []
        self.failing = failing

    def __call__(self, words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
        if words[0] == "systemd-sysusers":
            return quick_sysusers(words, text=text, may_fail=may_fail)
        self.asked.append(" ".join(words))
        if any(name in self.asked[-1] for name in self.failing):
            if may_fail:
                return False
            raise SetupError("failed: no network", where=words[0], remedy="Try again")
        return True


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A system in a folder that is taken for one that systemd runs."""
    return replace(detect(make_pi(tmp_path / "pi")), managed=True)


def apply(machine: Machine, programs: Programs, *wanted: Choice) -> Outcome:
    origin = find(machine)
    plan = replace(make_plan(machine, origin, programs), wanted=wanted)
    return set_up(machine, origin, plan, programs, lambda _: None, python="/opt/harpi/python")


def test_systemd_and_udev_learn_of_it_before_the_service_starts(machine: Machine) -> None:
    programs = Programs()
    apply(machine, programs)
    assert programs.asked == [
        "systemctl daemon-reload",
        "systemd-tmpfiles --create /etc/tmpfiles.d/harpi.conf",
        "udevadm control --reload",
        "modprobe i2c-dev",
        "udevadm trigger --action=change --subsystem-match=i2c-dev --subsystem-match=gpio",
        "systemctl restart harpi.service",
    ]


def test_where_nothing_changed_a_daemon_that_runs_is_left_alone(machine: Machine) -> None:
    apply(machine, Programs())
    programs = Programs()
    apply(machine, programs)
    assert programs.asked == ["systemctl is-active --quiet harpi.service"]


def test_a_daemon_that_does_not_run_is_started(machine: Machine) -> None:
    apply(machine, Programs())
    programs = Programs("is-active")
    apply(machine, programs)
    assert programs.asked[-1] == "systemctl restart harpi.service"


def test_a_run_that_broke_off_is_brought_to_its_end(machine: Machine) -> None:
    with pytest.raises(SetupError, match="no network"):
        apply(machine, Programs("restart"))
    programs = Programs()
    assert not apply(machine, programs).changed
    assert programs.asked[-1] == "systemctl restart harpi.service"


def test_a_kernel_without_the_module_is_none_the_worse(machine: Machine) -> None:
    programs = Programs("modprobe", "udevadm")
    assert apply(machine, programs).changed
    assert programs.asked[-1] == "systemctl restart harpi.service"


def test_a_package_is_installed_and_taken_back(machine: Machine) -> None:
    programs = Programs()
    outcome = apply(machine, programs, replace(CHOICE, modules=("json",)))
    assert programs.asked[0].startswith("apt-get install --yes")
    assert outcome.notes == ()
    programs.asked.clear()
    remove(machine, programs, lambda _: None)
    assert programs.asked[:2] == [
        "systemctl stop harpi.service",
        "apt-get remove --yes python3-thing",
    ]


def test_a_package_that_cannot_be_removed_is_told(machine: Machine) -> None:
    apply(machine, Programs(), replace(CHOICE, modules=("json",)))
    notes = remove(machine, Programs("apt-get remove"), lambda _: None)
    assert "python3-thing could not be removed: sudo apt remove python3-thing." in notes


def test_an_environment_that_does_not_see_the_package_is_told_of(machine: Machine) -> None:
    (note,) = apply(machine, Programs(), CHOICE).notes
    assert "Make its environment with --system-site-packages" in note


def test_a_package_that_cannot_be_had_is_told_and_does_not_stop_it(machine: Machine) -> None:
    outcome = apply(machine, Programs("apt-get"), CHOICE)
    assert outcome.changed
    assert "no network" in outcome.notes[-1]
    assert outcome.notes[-1].endswith("It goes without.")


def test_pip_installs_for_the_python_that_harpi_runs_on(machine: Machine) -> None:
    programs = Programs()
    apply(machine, programs, replace(CHOICE, source="pip", packages=("thing>=1",)))
    assert programs.asked[0] == "/opt/harpi/python -P -m pip install --quiet thing>=1"


def test_where_nothing_fits_a_sentence_says_so(machine: Machine) -> None:
    programs = Programs()
    outcome = apply(machine, programs, replace(CHOICE, packages=()))
    assert outcome.notes[-1] == "It goes without."
    assert not [words for words in programs.asked if "install" in words]
