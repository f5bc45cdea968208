"""Passwords stay in their files, and nobody else can knock at what the daemon opens."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.broker import wait_until
from tests.support.command import end, harpi, running_harpi
from tests.support.device import recording_path
from tests.support.fake_pi import install, make_pi, snapshot
from tests.web.scenario import free_port

SECRETS = ("mqtt-secret-81c9", "page-secret-5e07")
LISTENS, TCP_CLOSED = "0A", "07"
"""States of a socket in /proc/net/tcp, and of one in /proc/net/udp that hears everybody."""


@dataclass
class Seen:
    """What can be seen of a daemon that has passwords."""

    said: str
    words: str
    kept: dict[str, tuple[str, int, bytes]]
    open_to: list[str]


def sockets_of(process: int) -> list[str]:
    """Give the addresses that a process listens on for others."""
    own = set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of this very look
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())):
                own.add(found[1])
    addresses = []
    for kind, state in (("tcp", LISTENS), ("tcp6", LISTENS), ("udp", TCP_CLOSED)):
        for line in Path(f"/proc/{process}/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and fields[9] in own:
                addresses.append(_address(fields[1].partition(":")[0]))
    return addresses


def _address(hexadecimal: str) -> str:
    words = bytes.fromhex(hexadecimal)
    turned = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    return str(ipaddress.ip_address(turned))


def everything_said_to_the_kernel(process: int) -> str:
    """Command line and environment of a process and of those that it started."""
    said = ""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parent = re.search(r"(?m)^PPid:\s+(\d+)", (folder / "status").read_text())
            if str(process) in (folder.name, parent and parent[1]):
                said += (folder / "cmdline").read_text() + (folder / "environ").read_text()
    return said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    for name, secret in zip(("mqtt", "page"), SECRETS, strict=True):
        file = folder / f"{name}.password"
        file.touch(0o600)
        file.write_text(f"{secret}\n")
    (folder / "harpi.toml").write_text(
        f"""
        [log]
        level = "debug"
        [mqtt]
        host = "127.0.0.1"
        port = {free_port()}
        username = "arm"
        password_file = "{folder / "mqtt.password"}"
        [web]
        enabled = true
        port = {free_port()}
        password_file = "{folder / "page.password"}"
        [paths]
        state = "{folder / "state"}"
        runtime = "{folder / "run"}"
        """
    )
    return folder


@pytest.fixture(scope="module")
def seen(folder: Path) -> Seen:
    words = ["run", "--emulate", str(recording_path()), "--config", str(folder / "harpi.toml")]
    with running_harpi(*words) as run:
        assert run.stderr is not None
        said = ""
        while "the page is at" not in said:
            line = run.stderr.readline()
            assert line, said
            said += line
        wait_until((folder / "run/harpi.sock").exists, "it can be commanded")
        done = harpi("status", "--json", "--config", str(folder / "harpi.toml"))
        said += done.stdout + done.stderr
        words_of_it = everything_said_to_the_kernel(run.pid)
        open_to = sockets_of(run.pid)
        said += end(run)
    kept = snapshot(folder / "state") | snapshot(folder / "run")
    return Seen(said, words_of_it, kept, open_to)


def test_a_password_is_not_in_the_log_at_any_level(seen: Seen) -> None:
    assert "cannot be reached" in seen.said
    assert [secret for secret in SECRETS if secret in seen.said] == []


def test_a_password_is_not_in_the_list_of_processes(seen: Seen) -> None:
    assert "--emulate" in seen.words
    assert [secret for secret in SECRETS if secret in seen.words] == []


def test_a_password_is_in_no_file_that_harpi_keeps(seen: Seen) -> None:
    assert any(name.endswith("takes.db") for name in seen.kept)
    kept = b"".join(content for _, _, content in seen.kept.values())
    assert [secret for secret in SECRETS if secret.encode() in kept] == []


def test_a_password_is_not_shown_with_the_configuration(folder: Path) -> None:
    shown = harpi("config", "show", "--config", str(folder / "harpi.toml")).stdout
    assert str(folder / "page.password") in shown
    assert [secret for secret in SECRETS if secret in shown] == []


def test_the_doctor_does_not_tell_a_password(folder: Path) -> None:
    done = harpi("doctor", "--json", "--config", str(folder / "harpi.toml"))
    assert json.loads(done.stdout.splitlines()[0])
    assert [secret for secret in SECRETS if secret in done.stdout + done.stderr] == []


def test_nothing_listens_for_other_machines_by_itself(seen: Seen) -> None:
    assert seen.open_to, "the page at least"
    assert all(ipaddress.ip_address(address).is_loopback for address in seen.open_to)


def test_a_socket_for_all_would_be_seen() -> None:
    with socket.create_server(("0.0.0.0", 0)):
        own = sockets_of(int(Path("/proc/self").readlink().name))
    assert "0.0.0.0" in own


def test_setup_keeps_copies_for_root_alone_and_none_of_a_password(tmp_path: Path) -> None:
    pi = make_pi(
        tmp_path / "pi",
        {
            "etc/harpi/page.password": f"{SECRETS[1]}\n".encode(),
            "etc/harpi/harpi.toml": b'[web]\npassword_file = "/etc/harpi/page.password"\n',
        },
    )
    install(pi)
    install(pi)
    ledger = pi / "var/lib/harpi-setup"
    assert ledger.stat().st_mode & 0o777 == 0o700
    copies = [path for path in ledger.rglob("*") if path.is_file()]
    assert len(copies) > 1
    assert {path.stat().st_mode & 0o777 for path in copies} == {0o600}
    assert [path for path in copies if SECRETS[1].encode() in path.read_bytes()] == []
    assert (pi / "etc/harpi/page.password").read_text() == f"{SECRETS[1]}\n"
