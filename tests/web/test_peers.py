"""To whom a connection on this computer belongs."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from harpi.privileges import may_command
from harpi.web import peers
from harpi.web.peers import key_of, may_use, user_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
AWAY = ("192.0.2.7", 5000)


@pytest.mark.parametrize(
    ("family", "host", "client"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "127.0.0.1"),
    ],
)
def test_the_kernel_tells_who_it_is(
    family: socket.AddressFamily, host: str, client: str
) -> None:
    with socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::") as door:
        port = door.getsockname()[1]
        with socket.create_connection((client, port)):
            peer, address = door.accept()
            with peer:
                ends = address[:2], peer.getsockname()[:2]
                assert user_of(*ends) == os.getuid()
                assert key_of(*ends) == f"user {os.getuid()}"
                assert may_use(*ends, None)


def test_another_user_is_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line = "   0: 0100007F:9C40 0100007F:17A2 01 00000000:00000000 00:00000000 00000000 "
    table = tmp_path / "tcp"
    table.write_text(f"{HEAD}{line} 65534        0 1 1\n")
    monkeypatch.setattr(peers, "TABLES", (tmp_path / "none", table))
    monkeypatch.setattr(sys, "byteorder", "little")
    ends = ("127.0.0.1", 40000), ("127.0.0.1", 6050)
    assert user_of(*ends) == 65534
    assert not may_use(*ends, None)
    assert user_of(ends[1], ends[0]) is None


def test_who_is_elsewhere_is_no_user_and_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_of(AWAY, ("192.0.2.1", 6050)) is None
    assert not may_use(AWAY, ("192.0.2.1", 6050), None)
    assert key_of(AWAY, ("192.0.2.1", 6050)) == "192.0.2.7"
    here = ("2001:db8::1", 6050)
    assert key_of(("2001:db8::5", 1), here) == key_of(("2001:db8::ffff%eth0", 2), here)
    assert key_of(("2001:db8:1::5", 1), here) != key_of(("2001:db8::5", 1), here)


def test_root_the_daemons_user_and_a_group_may_command() -> None:
    assert may_command(0, None)
    assert may_command(os.geteuid(), None)
    assert not may_command(65534, None)
    assert not may_command(65534, "no such group")
    assert not may_command(4_000_000, "root")
    assert may_command(65534, "nogroup")
