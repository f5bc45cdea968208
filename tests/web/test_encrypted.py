"""The page over https, with the certificate that the documentation makes."""

from __future__ import annotations

import contextlib
import re
import shlex
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harpi.web import server
from tests.support.browser import Tab
from tests.web.conftest import Served

DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "page.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a certificate and its key, made by the command of docs/page.md."""
    found = re.search(
        r"^\$ sudo (openssl (?:.*\\\n)*.*)$", DOCUMENTED.read_text(), re.MULTILINE
    )
    assert found is not None
    command = found[1].replace("\\\n", " ").replace("/etc/harpi/", f"{tmp_path}/")
    named = command.replace("$(hostname)", "localhost")
    subprocess.run(shlex.split(named), check=True, capture_output=True)
    (tmp_path / "page.key").chmod(0o640)
    return tmp_path


@pytest.fixture
def encrypted(make_served: Callable[..., Served], folder: Path) -> Served:
    (folder / "password").write_text("correct horse\n")
    (folder / "password").chmod(0o600)
    return make_served(
        web__host="0.0.0.0",
        web__password_file=str(folder / "password"),
        web__cert_file=str(folder / "page.crt"),
        web__key_file=str(folder / "page.key"),
    )


def connected(served: Served, folder: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=folder / "page.crt")
    raw = socket.create_connection(("127.0.0.1", served.port), 10)
    return context.wrap_socket(raw, server_hostname="localhost")


def test_whoever_has_the_certificate_can_check_it(encrypted: Served, folder: Path) -> None:
    assert encrypted.server is not None
    assert encrypted.server.url == f"https://localhost:{encrypted.port}/"
    with connected(encrypted, folder) as peer:
        assert peer.version() in ("TLSv1.2", "TLSv1.3")
        host = f"Host: localhost:{encrypted.port}\r\n"
        peer.sendall(f"GET /api/hello HTTP/1.1\r\n{host}\r\n".encode())
        assert b" 401 " in peer.recv(1024)


def test_whoever_has_not_does_not_trust_it(encrypted: Served) -> None:
    context = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", encrypted.port), 10) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(raw, server_hostname="localhost")


def test_what_is_not_encrypted_is_told_nothing(encrypted: Served) -> None:
    with socket.create_connection(("127.0.0.1", encrypted.port), 10) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"HTTP" not in peer.recv(1024)


def test_a_handshake_that_does_not_end_is_broken_off(
    make_served: Callable[..., Served], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.2)
    served = make_served(
        web__cert_file=str(folder / "page.crt"), web__key_file=str(folder / "page.key")
    )
    with (
        socket.create_connection(("127.0.0.1", served.port), 10) as peer,
        contextlib.suppress(ConnectionResetError),
    ):
        assert peer.recv(1) == b""


@pytest.mark.browser
def test_one_logs_in_over_https_and_looks(encrypted: Served, tab: Tab) -> None:
    tab.call("Security.setIgnoreCertificateErrors", ignore=True)
    tab.open(f"https://localhost:{encrypted.port}/")
    tab.wait_for("location.pathname === '/login'")
    tab.click("#password")
    tab.type("correct horse")
    tab.press("Enter", 13, "\r")
    tab.wait_for("document.body?.dataset.link === 'live'")
    cookies = tab.call("Network.getCookies")["cookies"]
    assert [(cookie["secure"], cookie["httpOnly"]) for cookie in cookies] == [(True, True)]
    tab.run("document.querySelector('[data-undo]').click()")
    tab.wait_for_text("#said", "Done.")
