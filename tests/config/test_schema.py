"""What the schema derives by itself."""

from __future__ import annotations

import re
import socket

import pytest

from harpi.config.schema import DeviceSection


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
