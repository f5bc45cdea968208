"""What every request has to pass."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from harpi.commands import LARGEST_MESSAGE, Stop
from harpi.web.auth import HostNames
from tests.web.conftest import Served

STOP = {"command": "stop"}


# --- names ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["localhost:6050", "127.0.0.1", "[::1]:6050", "LOCALHOST", "arm.example.org:80"]
)
def test_a_page_for_this_computer_has_the_names_of_this_computer(header: str) -> None:
    assert header in HostNames("127.0.0.1", ["arm.example.org"])


@pytest.mark.parametrize(
    "header",
    ["", "evil.example", "localhost.evil.example", "192.168.1.7", "evil@localhost:x", "[::1"],
)
def test_and_no_other(header: str) -> None:
    assert header not in HostNames("127.0.0.1", [])


def test_a_page_for_all_has_addresses_and_the_host_name_too() -> None:
    names = HostNames("0.0.0.0", [])
    host = socket.gethostname()
    for header in ("192.168.1.7:6050", "[fe80::1]:6050", host, f"{host.lower()}.local:6050"):
        assert header in names
    assert "evil.example" not in names


def test_a_name_that_was_bent_to_this_device_leads_nowhere(served: Served) -> None:
    for path in ("/", "/static/app.js", "/api/hello", "/api/events"):
        assert served.ask(path, Host=f"evil.example:{served.port}").status == 421
    assert served.ask("/api/command", STOP, Host="evil.example").status == 421
    assert served.room.commands == []


# --- login ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/hello",
        "/api/events",
        "/api/takes",
        "/api/takes/1/trace",
        "/api/evaluations",
        "/api/heads",
    ],
)
def test_without_a_login_nothing_is_told(guarded: Served, path: str) -> None:
    assert guarded.ask(path).status == 401
    assert guarded.ask(path, Cookie=f"harpi_{guarded.port}=guess").status == 401
    assert guarded.ask(path, Cookie='="').status == 401
    assert guarded.ask(path, Authorization="Basic Y29ycmVjdA==").status == 401


def test_without_a_login_nothing_is_done(guarded: Served) -> None:
    assert guarded.ask("/api/command", STOP).status == 401
    assert guarded.room.commands == []


def test_without_a_login_one_is_led_to_it(guarded: Served) -> None:
    answer = guarded.ask("/")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert b"<form" in guarded.ask("/login").content
    assert guarded.ask("/static/login.js").status == 200


def test_where_there_is_no_password_there_is_no_login(served: Served) -> None:
    assert served.ask("/login").headers["location"] == "/"


def test_with_the_password_one_is_in_until_one_logs_out(guarded: Served) -> None:
    assert guarded.log_in("wrong").status == 401
    answer = guarded.log_in("correct horse")
    assert answer.status == 204
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    guarded.greet()
    assert guarded.ask("/api/command", STOP).json["ok"]
    assert guarded.room.commands == [Stop()]
    assert guarded.ask("/api/logout", {}).status == 204
    assert guarded.ask("/api/hello").status == 401


def test_a_script_may_show_the_password_instead(guarded: Served) -> None:
    headers = {"Authorization": "Bearer correct horse"}
    assert guarded.ask("/api/hello", **headers).status == 200
    answer = guarded.ask("/api/command", STOP, without=("Origin", "X-Harpi-Token"), **headers)
    assert answer.json["ok"]
    assert guarded.ask("/api/hello", Authorization="Bearer correct").status == 401


def test_where_there_is_no_password_none_takes_the_place_of_the_token(served: Served) -> None:
    headers = {"Authorization": "Bearer anything"}
    assert served.ask("/api/command", STOP, without=("X-Harpi-Token",), **headers).status == 403


@pytest.mark.parametrize("way", ["login", "bearer"])
def test_guessing_is_slowed_down(guarded: Served, way: str) -> None:
    def guess(password: str) -> Any:
        if way == "login":
            return guarded.log_in(password)
        return guarded.ask("/api/hello", Authorization=f"Bearer {password}")

    assert [guess(f"guess {n}").status for n in range(5)] == [401] * 5
    answer = guess("correct horse")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 10
    assert "Try again" in answer.json["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"password": 1}', b"\xff", b'{"user": ""}']
)
def test_a_login_that_is_none_is_refused(guarded: Served, body: bytes) -> None:
    assert guarded.ask("/api/login", body=body).status == 400


# --- what changes something -------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"X_Harpi_Token": "guess"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": "multipart/form-data"}, 415),
    ],
)
def test_what_another_site_makes_a_browser_send_is_refused(
    served: Served, headers: dict[str, str], status: int
) -> None:
    assert served.ask("/api/command", STOP, **headers).status == status
    assert served.room.commands == []


@pytest.mark.parametrize("header", ["Origin", "X-Harpi-Token", "Content-Type"])
def test_so_is_what_lacks_a_sign_of_the_page(served: Served, header: str) -> None:
    assert served.ask("/api/command", STOP, without=(header,)).status in (403, 415)
    assert served.room.commands == []


def test_nothing_is_changed_by_a_get(served: Served) -> None:
    assert served.ask("/api/command").status == 405
    assert served.ask("/api/command", STOP, method="PUT").status == 405
    assert served.ask("/api/logout").status == 405


def test_a_login_from_another_site_is_refused(guarded: Served) -> None:
    password = {"password": "correct horse"}
    assert guarded.ask("/api/login", password, Origin="http://evil.example").status == 403


def test_a_body_that_is_too_long_is_refused(served: Served) -> None:
    body = b'{"command": "record", "label": "' + b"x" * LARGEST_MESSAGE + b'"}'
    assert served.ask("/api/command", body=body).status == 413
    assert served.room.commands == []


def test_a_head_without_an_end_is_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nCookie: ")
        with contextlib.suppress(OSError):
            for _ in range(64):
                peer.sendall(b"x" * 1024)
        with contextlib.suppress(ConnectionResetError):
            assert b" 400 " in peer.recv(1024)
    assert served.ask("/").status == 200


def test_a_body_that_breaks_off_in_nonsense_ends_the_connection_and_nothing_else(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/", "/api/command", "/api/events"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as peer:
            host = f"Host: 127.0.0.1:{served.port}\r\n"
            head = f"POST {path} HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"
            peer.sendall(head.encode() + b"no length\r\n")
            with contextlib.suppress(ConnectionResetError):
                while peer.recv(1024):
                    pass
    assert served.ask("/").status == 200
    assert [record for record in caplog.records if record.exc_info] == []


def test_an_origin_that_is_no_address_is_another_site(served: Served) -> None:
    assert served.ask("/api/command", STOP, Origin="http://[::1").status == 403


# --- how a browser shall treat it -------------------------------------------------------


def test_every_answer_forbids_what_the_page_does_not_need(
    make_served: Callable[..., Served],
) -> None:
    served = make_served()
    for path in ("/", "/login", "/static/app.js", "/api/hello", "/nowhere"):
        headers = served.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers
    assert served.ask("/api/hello").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"]
)
def test_only_the_files_of_the_page_are_served(served: Served, path: str) -> None:
    assert served.ask(path).status == 404
