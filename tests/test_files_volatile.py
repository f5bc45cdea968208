"""A folder that forgets is told from one that keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi.files import volatile

DISK = "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n"
RASPI_OVERLAY = (
    "tmpfs /media/root-rw tmpfs rw,relatime 0 0\n"
    "/dev/mmcblk0p2 /media/root-ro ext4 ro,relatime 0 0\n"
    "overlayroot / overlay rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,"
    "workdir=/media/root-rw/overlay-workdir/_ 0 0\n"
)
CONTAINER = "overlay / overlay rw,lowerdir=/l,upperdir=/var/lib/x/diff,workdir=/w 0 0\n"


@pytest.mark.parametrize(
    ("mounts", "folder", "says"),
    [
        (DISK, "/var/lib/harpi", None),
        (
            f"{DISK}tmpfs /var/lib tmpfs rw,size=100k 0 0\n",
            "/var/lib/harpi",
            "/var/lib is a tmpfs",
        ),
        (f"{DISK}tmpfs /run tmpfs rw 0 0\n", "/var/lib/harpi", None),
        (f"{DISK}ramfs /mnt/a\\040b ramfs rw 0 0\n", "/mnt/a b/c", "/mnt/a b is a ramfs"),
        (RASPI_OVERLAY, "/var/lib/harpi", "an overlay that keeps"),
        (f"{RASPI_OVERLAY}/dev/sda1 /mnt/usb ext4 rw 0 0\n", "/mnt/usb/harpi", None),
        (CONTAINER, "/var/lib/harpi", None),
        ("", "/var/lib/harpi", None),
        ("nonsense\n", "/var/lib/harpi", None),
    ],
)
def test_what_is_in_memory_is_told(mounts: str, folder: str, says: str | None) -> None:
    found = volatile(Path(folder), mounts)
    assert (found is None) == (says is None)
    assert (says or "") in (found or "")
