"""The local socket: several clients at once, bad ones harm nobody, and who may."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harpi.commands import LARGEST_LINE, Answer, Record, Status, Stop, encode
from harpi.controls.client import Client
from harpi.controls.socket import EVENTS, MOST_CLIENTS, MOST_FOLLOWERS, ControlSocket
from harpi.errors import AlreadyRunning, ControlError, DaemonNotRunning
from tests.support.broker import wait_until
from tests.support.control_socket import control_socket, served
from tests.support.fake_room import FakeRoom

PATIENCE = 20.0
"""How long a test waits for what must happen, however busy the machine."""


def examined() -> bytes:
    return b'{"sensor": "well"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def server(room: FakeRoom, folder: Path) -> Iterator[ControlSocket]:
    with served(room, folder, examine=examined) as server:
        yield server


@contextlib.contextmanager
def raw(server: ControlSocket) -> Iterator[socket.socket]:
    """A client that does as it likes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(server.path))
        yield connection


def line_from(connection: socket.socket) -> Answer:
    with connection.makefile("rb") as file:
        return msgspec.json.decode(file.readline(), type=Answer)


def test_a_command_is_done_and_answered(
    room: FakeRoom, server: ControlSocket, folder: Path
) -> None:
    with Client(folder) as client:
        answer = client.ask(Record(label="walking", seconds=3))
        assert answer.ok
        assert answer.situation.label == "walking"
        assert client.ask(Stop()).situation.state == "idle"
    assert room.commands == [Record(label="walking", seconds=3), Stop()]
    assert room.sources == {"command line"}


def test_without_a_daemon_it_is_said_how_to_start_one(folder: Path) -> None:
    with pytest.raises(DaemonNotRunning, match=r"systemctl start harpi.*harpi run") as error:
        Client(folder)
    assert error.value.exit_code == 8


def test_a_socket_that_a_dead_daemon_left_is_no_daemon_and_is_replaced(
    room: FakeRoom, folder: Path
) -> None:
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "harpi.sock"))
    with pytest.raises(DaemonNotRunning):
        Client(folder)
    with served(room, folder), Client(folder) as client:
        assert client.ask(Status()).ok


def test_a_second_daemon_is_refused_and_the_first_goes_on(
    room: FakeRoom, server: ControlSocket, folder: Path
) -> None:
    with pytest.raises(AlreadyRunning, match="another harpi is running"):
        control_socket(FakeRoom(), folder).start()
    with Client(folder) as client:
        assert client.ask(Status()).ok
    assert room.commands == [Status()]


def test_after_the_end_the_socket_is_gone_and_can_be_served_anew(
    room: FakeRoom, folder: Path
) -> None:
    with served(room, folder, examine=examined) as server:
        server.stop()
        assert not server.path.exists()
        with served(room, folder), Client(folder) as client:
            assert client.ask(Status()).ok
    assert not any(thread.name == "harpi-socket" for thread in threading.enumerate())


def test_only_the_owner_may_where_no_group_is_set(server: ControlSocket) -> None:
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600


def test_a_group_may_where_it_is_set(room: FakeRoom, folder: Path) -> None:
    import grp

    group = grp.getgrgid(os.getgid()).gr_name
    with served(room, folder, group=group) as server:
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o660
        assert server.path.stat().st_gid == os.getgid()
        with Client(folder) as client:
            assert client.ask(Status()).ok


def test_a_group_that_does_not_exist_is_an_error(room: FakeRoom, folder: Path) -> None:
    with pytest.raises(ControlError, match=r"socket\.group: there is no group 'wearers'"):
        control_socket(room, folder, group="wearers").start()


def test_another_user_is_put_out_whatever_the_file_says(
    room: FakeRoom, server: ControlSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The permissions were opened by mistake; the kernel still tells who is there."""
    monkeypatch.setattr("harpi.controls.socket._PEER", _Stranger)
    with raw(server) as connection:
        answer = line_from(connection)
    assert not answer.ok
    assert "may not" in answer.message
    assert room.commands == []


class _Stranger:
    size = 12

    @staticmethod
    def unpack(_: bytes) -> tuple[int, int, int]:
        return 1, 12345, 12345


def test_a_path_that_the_kernel_does_not_take_is_an_error(
    room: FakeRoom, tmp_path: Path
) -> None:
    with pytest.raises(ControlError, match=r"paths\.runtime to a shorter"):
        control_socket(room, tmp_path / ("x" * 120)).start()


def test_a_folder_that_cannot_be_made_is_an_error(room: FakeRoom, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ControlError, match="cannot be opened"):
        control_socket(room, tmp_path / "file" / "run").start()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "this is no"),
        (b"now!", "this is no JSON"),
        (b"\xff\xfe", "this is no JSON"),
        (b'{"command":"fly"}', "there is no command 'fly'"),
        (b'{"command":"record"}', "record: label is missing"),
        (b"[]", "this is no command"),
    ],
)
def test_nonsense_is_answered_and_the_next_command_is_done(
    room: FakeRoom, server: ControlSocket, line: bytes, says: str
) -> None:
    with raw(server) as connection:
        connection.sendall(line + b"\n")
        refused = line_from(connection)
        assert not refused.ok
        assert says in refused.message
        connection.sendall(encode(Status()) + b"\n")
        assert line_from(connection).ok
    assert room.commands == [Status()]


def test_a_line_without_end_is_put_out(server: ControlSocket, folder: Path) -> None:
    with raw(server) as connection:
        with contextlib.suppress(OSError):  # it may be out before all is sent
            connection.sendall(b"x" * (LARGEST_LINE + 8192))
        assert not line_from(connection).ok
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    with Client(folder) as client:
        assert client.ask(Status()).ok


def test_a_silent_client_is_put_out_and_others_are_served_meanwhile(
    room: FakeRoom, folder: Path
) -> None:
    with served(room, folder, timeout_seconds=0.2) as server, raw(server) as silent:
        with Client(folder) as client:
            assert client.ask(Status()).ok
        assert silent.recv(1) == b""


def test_half_a_line_and_a_hang_up_is_no_command(
    room: FakeRoom, server: ControlSocket, folder: Path
) -> None:
    with raw(server) as connection:
        connection.sendall(b'{"command":"forget","confirmed":true')
    with Client(folder) as client:
        assert client.ask(Status()).ok
    assert room.commands == [Status()]


def test_many_clients_are_served_at_once(room: FakeRoom, server: ControlSocket) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(raw(server)) for _ in range(MOST_CLIENTS)]
        for client in clients:
            client.sendall(encode(Status()) + b"\n")
        assert all(line_from(client).ok for client in clients)
        crowded = stack.enter_context(raw(server))
        assert "clients are connected" in line_from(crowded).message
    assert len(room.commands) == MOST_CLIENTS


def test_who_watches_hears_what_is_told_and_what_happens(
    room: FakeRoom, server: ControlSocket, folder: Path
) -> None:
    assert not server.watched
    with Client(folder) as client:
        assert client.begin_to_watch().ok
        assert server.watched
        server.tell("state", b'{"sequence": 3}')
        room.become(state="recording", label="walking")
        room.happens(message="Recording walking.")
        heard: dict[str, bytes] = {}
        while not {"condition", "state", "event", "session"} <= heard.keys():
            said = client.said(PATIENCE)
            assert said is not None
            heard[said.name] = bytes(said.payload)
        assert heard["condition"] == examined()
        assert heard["state"] == b'{"sequence": 3}'
        assert b"walking" in heard["session"]
    wait_until(lambda: not server.watched, "the client is forgotten")


def test_who_watches_and_reads_slowly_misses_the_oldest(
    server: ControlSocket, folder: Path
) -> None:
    with Client(folder) as client:
        client.begin_to_watch()
        for number in range(3 * EVENTS):
            server.tell("state", b"%d" % number)
        last = str(3 * EVENTS - 1).encode()
        while said_by(client) != last:
            pass


def said_by(client: Client) -> bytes:
    said = client.said(PATIENCE)
    assert said is not None
    return bytes(said.payload)


def test_followers_leave_places_for_commands(room: FakeRoom, server: ControlSocket) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(raw(server)) for _ in range(MOST_FOLLOWERS)]
        for client in clients:
            client.sendall(b'{"command": "follow"}\n')
        assert all(line_from(client).message == "following" for client in clients)
        with raw(server) as crowded:
            crowded.sendall(b'{"command": "follow"}\n')
            assert "clients follow already" in line_from(crowded).message
        with raw(server) as client:
            client.sendall(encode(Status()) + b"\n")
            assert line_from(client).ok

    def follows() -> bool:
        with raw(server) as client:
            client.sendall(b'{"command": "follow"}\n')
            return line_from(client).message == "following"

    wait_until(follows, "there is room for a follower again", pause=0.1)


def test_a_client_for_whom_there_is_no_thread_is_refused_and_the_next_one_served(
    server: ControlSocket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_memory(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_memory)
        with Client(server.path.parent) as early, Client(server.path.parent) as late:
            assert "no memory for another client" in early.ask(Status()).message
            wait_until(lambda: len(caplog.messages) == 2, "both are put out")
            assert "no memory for another client" in late.ask(Status()).message
    with raw(server) as client:
        client.sendall(encode(Status()) + b"\n")
        assert line_from(client).ok


def test_a_slow_command_of_one_client_does_not_hold_up_another(folder: Path) -> None:
    """Two commands are in the room at once, though the first cannot end before the second."""
    both = threading.Barrier(2, timeout=PATIENCE)

    class SlowRoom(FakeRoom):
        def command(self, *args: Any, **more: Any) -> Answer:
            both.wait()
            return super().command(*args, **more)

    with served(SlowRoom(), folder), Client(folder) as one, Client(folder) as other:
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(one.ask(Status())))
        thread.start()
        assert other.ask(Status()).ok
        thread.join(PATIENCE)
        assert answers[0].ok


# --- following ----------------------------------------------------------------------------


def test_events_are_followed_from_the_moment_it_was_asked(
    room: FakeRoom, server: ControlSocket, folder: Path
) -> None:
    with Client(folder) as follower:
        situation = follower.begin_to_follow().situation
        assert situation.state == "idle"
        room.become(state="training")
        room.happens(message="Training walking.")
        room.happens("progress", message="Epoch 1")
        events = follower.events()
        assert [next(events).message for _ in range(2)] == ["Training walking.", "Epoch 1"]


def test_a_follower_that_hangs_up_is_forgotten(
    room: FakeRoom, server: ControlSocket, folder: Path
) -> None:
    with Client(folder) as follower:
        follower.begin_to_follow()
        assert len(room.listeners) == 1
    gone = threading.Event()
    for _ in range(round(PATIENCE / 0.05)):
        if not room.listeners:
            break
        gone.wait(0.05)
    assert room.listeners == []


def test_a_follower_that_does_not_read_is_put_out_and_never_holds_the_room(
    room: FakeRoom, server: ControlSocket, folder: Path
) -> None:
    with raw(server) as lazy:
        lazy.sendall(b'{"command":"follow"}\n')
        assert line_from(lazy).ok
        for _ in range(20_000):
            room.happens(message="x" * 1000)
        assert room.listeners == []
    with Client(folder) as client:
        assert client.ask(Status()).ok


def test_followers_are_told_when_the_daemon_ends(room: FakeRoom, folder: Path) -> None:
    with served(room, folder) as server, Client(folder) as follower:
        follower.begin_to_follow()
        server.stop()
        with pytest.raises(ControlError, match="does not answer"):
            next(follower.events())


# --- the client ---------------------------------------------------------------------------


def test_a_client_that_may_not_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(ControlError, match=r"may not command.*socket\.group"):
        Client(folder)


def test_an_answer_of_another_version_is_an_error_in_words(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "harpi.sock"))
        listening.listen()
        with Client(tmp_path) as client:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b'{"hello":1}\n')
                with pytest.raises(ControlError, match="is not understood"):
                    client.ask(Status())


def test_a_daemon_that_dies_meanwhile_is_an_error_in_words(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "harpi.sock"))
        listening.listen()
        with Client(tmp_path) as client:
            listening.accept()[0].close()
            with pytest.raises(ControlError, match="does not answer"):
                client.ask(Status())


def test_who_asks_is_told_how_the_device_does(server: ControlSocket, folder: Path) -> None:
    with Client(folder) as client:
        assert client.examine(dict[str, str]) == {"sensor": "well"}
        assert client.ask(Status()).ok


def test_another_daemon_than_the_command_line_expects(
    server: ControlSocket, folder: Path
) -> None:
    with (
        Client(folder) as client,
        pytest.raises(ControlError, match="Use the version of harpi"),
    ):
        client.examine(Answer)
