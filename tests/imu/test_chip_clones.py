from __future__ import annotations

import pytest

from harpi.imu.chip import identify


@pytest.mark.parametrize(
    ("who_am_i", "name"),
    [
        (0x12, "ICM-20602"),
        (0x70, "MPU-6500"),
        (0x71, "MPU-9250"),
        (0x73, "MPU-9255"),
        (0x74, "MPU-6515"),
        (0x78, "MPU-6880"),
        (0x98, "ICM-20689"),
    ],
)
def test_relatives_are_named_and_know_their_own_filter(who_am_i: int, name: str) -> None:
    identity = identify(who_am_i)
    assert identity is not None
    assert (identity.name, identity.clone, identity.known) == (name, True, True)
    assert identity.family.own_accel_dlpf


def test_the_genuine_chip_is_no_clone() -> None:
    identity = identify(0x68)
    assert identity is not None
    assert (identity.name, identity.clone) == ("MPU-6050", False)
    assert identity.family.fifo_size == 1024


@pytest.mark.parametrize("who_am_i", [0x69, 0x72, 0x75])
def test_relabelled_chips_are_clones_that_were_seen(who_am_i: int) -> None:
    identity = identify(who_am_i)
    assert identity is not None
    assert identity.clone
    assert identity.known


def test_a_number_nobody_has_seen_is_tried_with_the_smallest_fifo() -> None:
    identity = identify(0x42)
    assert identity is not None
    assert identity.name == "unknown chip (0x42)"
    assert not identity.known
    assert identity.family.fifo_size == 512


@pytest.mark.parametrize("who_am_i", [0x00, 0xFF])
def test_a_dead_bus_is_no_chip(who_am_i: int) -> None:
    assert identify(who_am_i) is None
