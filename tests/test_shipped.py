"""Files that ship with harpi are found in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi import shipped
from harpi.errors import HarpiError


@pytest.mark.parametrize(
    "name", ["models/generic.tflite", "firmware_config/pins.toml", "systemd/harpi.service"]
)
def test_found_here(name: str) -> None:
    assert shipped.path(name).is_file()


def test_found_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "_shipped" / "systemd"
    installed.mkdir(parents=True)
    (installed / "harpi.service").touch()
    monkeypatch.setattr(shipped, "_INSTALLED", tmp_path / "_shipped")
    assert shipped.path("systemd/harpi.service") == installed / "harpi.service"


@pytest.mark.parametrize("name", ["models/nothing.tflite", "nowhere/file"])
def test_what_is_not_there_is_named(name: str) -> None:
    with pytest.raises(HarpiError, match=f"{name.rpartition('/')[2]}: this file ships with"):
        shipped.path(name)
