"""What the schema derives by itself."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from harpi.config import schema
from harpi.config.schema import DeviceSection, PathsSection


def test_the_name_is_the_id_where_one_is_given() -> None:
    assert DeviceSection(id="left_arm").name == "left_arm"


@pytest.mark.parametrize(
    ("host", "name"),
    [("pi", "pi"), ("pi.lan", "pi"), ("a b#c", "a-b-c"), ("-x", "x"), ("", "harpi")],
)
def test_else_the_host_name_made_fit_for_a_topic(
    monkeypatch: pytest.MonkeyPatch, host: str, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert DeviceSection().name == name
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name)


def test_folders_that_are_given_are_used() -> None:
    paths = PathsSection(state="/a", runtime="/b")
    assert (paths.state_folder, paths.runtime_folder) == (Path("/a"), Path("/b"))


@pytest.mark.parametrize(("root", "set_up"), [(True, False), (False, True)])
def test_a_machine_that_was_set_up_for_harpi_has_its_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: bool, set_up: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(schema, "SYSTEM_STATE", tmp_path if set_up else tmp_path / "none")
    assert PathsSection().state_folder == schema.SYSTEM_STATE
    assert PathsSection().runtime_folder == Path("/run/harpi")


def test_on_a_laptop_the_user_has_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(schema, "SYSTEM_STATE", tmp_path / "none")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert PathsSection().state_folder == Path("/home/me/.local/state/harpi")
    assert PathsSection().runtime_folder == Path("/home/me/.local/state/harpi/run")
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/r")
    assert PathsSection().state_folder == Path("/s/harpi")
    assert PathsSection().runtime_folder == Path("/r/harpi")
