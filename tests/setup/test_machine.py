"""Which machine it is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from harpi.setup.machine import detect
from tests.support.fake_pi import PI_4, make_pi


def test_a_pi_calls_itself_one(tmp_path: Path) -> None:
    machine = detect(make_pi(tmp_path / "pi"))
    assert (machine.model, machine.is_pi, machine.release) == (PI_4, True, "bookworm")
    assert machine.boot_file == tmp_path / "pi/boot/firmware/config.txt"
    assert str(machine).startswith(f"{PI_4}, Debian GNU/Linux 12 (bookworm), ")


def test_another_board_is_none(tmp_path: Path) -> None:
    root = make_pi(tmp_path / "pi", {"proc/device-tree/model": b"Radxa ROCK 5B\0"})
    assert detect(root).model == "Radxa ROCK 5B"
    assert not detect(root).is_pi


def test_an_image_is_that_of_a_pi_by_its_boot_configuration(tmp_path: Path) -> None:
    root = make_pi(tmp_path / "image")
    (root / "proc/device-tree/model").unlink()
    assert detect(root).is_pi
    (root / "boot/firmware/config.txt").unlink()
    assert not detect(root).is_pi


def test_older_systems_have_their_boot_configuration_elsewhere(tmp_path: Path) -> None:
    root = make_pi(tmp_path / "pi", {"boot/config.txt": b""})
    (root / "boot/firmware/config.txt").unlink()
    assert detect(root).boot_file == root / "boot/config.txt"


@pytest.mark.parametrize(("elf_class", "bits"), [(1, 32), (2, 64)])
def test_the_width_is_that_of_the_programs(tmp_path: Path, elf_class: int, bits: int) -> None:
    program = b"\x7fELF" + bytes([elf_class]) + bytes(40)
    assert detect(make_pi(tmp_path / "pi", {"usr/bin/dpkg": program})).bits == bits


def test_the_python_is_the_one_of_the_system(tmp_path: Path) -> None:
    root = make_pi(tmp_path / "pi")
    (root / "usr/bin").mkdir()
    (root / "usr/bin/python3").symlink_to("python3.13")
    assert detect(root).python == (3, 13)


def test_this_machine_is_no_pi_and_as_wide_as_this_python() -> None:
    machine = detect()
    assert machine.live
    assert machine.bits == struct.calcsize("P") * 8
    assert not machine.is_pi
