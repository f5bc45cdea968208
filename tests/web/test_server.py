"""The page as it is served: what is told, what is done, and who cannot hold it up."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harpi.commands import Record, Relabel, Stop
from harpi.daemon import Daemon
from harpi.errors import ConfigError, ControlError, StoreError
from harpi.evaluation.runs import RunLog
from harpi.store.store import Store
from harpi.timebase import SystemTime
from harpi.types import Samples
from harpi.web import peers, server, stream
from tests.support.broker import wait_until
from tests.support.device import device_config, emulated
from tests.support.judgements import contest
from tests.support.models import tiny_head
from tests.support.takes import signal, take_of
from tests.support.verdicts import verdict
from tests.web.conftest import RATE, Served
from tests.web.scenario import free_port


def samples(seconds: float, start: float = 1000.0) -> Samples:
    count = round(seconds * RATE)
    return Samples(np.ones((count, 6), np.float32), start + np.arange(count) / RATE)


# --- what is told -----------------------------------------------------------------------


def test_a_viewer_is_told_how_things_stand_and_then_what_happens(served: Served) -> None:
    assert served.server is not None
    served.ring.append(samples(2.0))
    served.server.show(verdict({"walking": 0.9, "sitting": 0.1}))
    viewer = served.look()
    told = dict(viewer.next() for _ in range(4))
    assert set(told) == {"situation", "verdict", "health", "trace"}
    assert told["situation"]["state"] == "idle"
    assert told["verdict"]["knn"]["answer"] == "walking"
    assert told["health"]["health"]["sensor"]["chip"] == "MPU-6050"
    assert len(told["trace"]["values"]) == 50

    served.server.show(verdict({"lying": 1.0}, untrained=["personal"]))
    state = viewer.wait_for("verdict")
    assert state["generic"]["probabilities"] == {"lying": 1.0}
    assert not state["personal"]["trained"]
    served.room.happens("notice", message="Something.")
    assert viewer.wait_for("session")["message"] == "Something."
    served.ring.append(samples(1.0, 1002.0))
    while (piece := viewer.wait_for("trace"))["time"] + len(piece["values"]) * 0.04 < 1003.0:
        pass
    viewer.close()


def test_the_device_says_of_itself_how_it_does_again_and_again(served: Served) -> None:
    viewer = served.look()
    for _ in range(2):
        assert viewer.wait_for("health")["device"] == "arm"
    viewer.close()


def test_several_viewers_see_the_same(served: Served) -> None:
    assert served.server is not None
    viewers = [served.look() for _ in range(5)]
    served.server.show(verdict({"cycling": 1.0}))
    for viewer in viewers:
        while viewer.wait_for("verdict")["knn"]["answer"] != "cycling":
            pass
        viewer.close()


def test_takes_are_listed_the_newest_first_and_drawn(
    make_served: Callable[..., Served],
) -> None:
    served = make_served()
    assert isinstance(served.store, Store)
    session = served.store.new_session()
    for number in range(33):
        served.store.add(take_of(f"label {number}", session), [signal(2.0)])
    served.store.delete([33])
    page = served.ask("/api/takes").json
    assert [take["id"] for take in page["takes"]] == list(range(33, 3, -1))
    assert [take["deleted"] for take in page["takes"]] == [True] + [False] * 29
    assert page["more"]
    rest = served.ask("/api/takes?before=4").json
    assert [take["id"] for take in rest["takes"]] == [3, 2, 1]
    assert not rest["more"]
    assert served.ask("/api/takes?before=x").json == page

    drawn = served.ask(f"/api/takes/1/trace?digest={rest['takes'][2]['digest']}")
    assert drawn.json["seconds"] == 2.0
    assert "immutable" in drawn.headers["cache-control"]
    assert served.ask("/api/takes/99/trace").status == 404
    assert served.ask("/api/takes/x/trace").status == 404


def test_without_a_store_it_says_why(make_served: Callable[..., Served]) -> None:
    served = make_served()
    assert isinstance(served.store, Store)
    served.store.close()
    served.stop()
    served.store = StoreError("the disk is gone", remedy="Find it")
    served.start()
    for path in ("/api/takes", "/api/takes/1/trace"):
        answer = served.ask(path)
        assert answer.status == 503
        assert answer.json["message"] == "the disk is gone. Find it."


def test_the_last_evaluations_are_told_and_read_once(
    make_served: Callable[..., Served],
) -> None:
    served = make_served()
    log = RunLog(served.evaluations)
    report = contest([("walking", {"knn": "walking"}), ("sitting", {"knn": "walking"})])[1]

    def numbers() -> list[int]:
        return [run["number"] for run in served.ask("/api/evaluations").json["runs"]]

    for _ in range(4):
        log.append(report)
    assert numbers() == [4, 3, 2, 1]
    content = served.evaluations.read_bytes()
    served.evaluations.write_bytes(b"x" * len(content))  # what was read is not read again
    for _ in range(3):
        log.append(report)
    with served.evaluations.open("ab") as file:
        file.write(b"damaged\n")
    answer = served.ask("/api/evaluations").json
    assert len(answer["runs"]) == 5
    assert [len(run["models"]) for run in answer["runs"]] == [1] * 5
    assert len(answer["problems"]) == 1
    served.evaluations.unlink()
    assert served.ask("/api/evaluations").json == {"runs": [], "problems": []}
    log.append(report)
    assert numbers() == [1]


def test_heads_are_listed_the_newest_first_each_with_its_figures(
    make_served: Callable[..., Served],
) -> None:
    served = make_served()
    assert served.ask("/api/heads").json == {"heads": []}
    for share in (0.5, 0.75):
        figures = {"accuracy": share, "windows": 20.0}
        served.shelf.add(replace(tiny_head(), figures=figures))
    newest, oldest = served.ask("/api/heads").json["heads"]
    assert (newest["number"], newest["current"], newest["accuracy"]) == (2, True, 0.75)
    assert (oldest["number"], oldest["current"], oldest["windows"]) == (1, False, 20)
    assert oldest["labels"] == ["still", "fast"]
    served.shelf.path(1).write_bytes(b"nothing")
    damaged = served.ask("/api/heads").json["heads"][1]
    assert damaged["problem"]
    assert damaged["created"] is None


def test_whether_the_sensor_is_worn_is_told(served: Served) -> None:
    assert served.server is not None
    viewer = served.look()
    served.server.show(verdict({"lying": 1.0}, end=101.0, worn=False))
    while viewer.wait_for("verdict")["worn"] is not False:
        pass
    viewer.close()


def test_without_an_evaluation_there_is_an_empty_list(served: Served) -> None:
    assert served.ask("/api/evaluations").json == {"runs": [], "problems": []}


# --- what is done -----------------------------------------------------------------------


def test_commands_go_to_the_room_with_the_moment_of_the_press(served: Served) -> None:
    served.time.advance(5.0)
    answer = served.ask("/api/command", {"command": "record", "label": "walking"}).json
    assert (answer["ok"], answer["situation"]["state"]) == (True, "recording")
    served.ask("/api/command", {"command": "stop"})
    served.ask("/api/command", {"command": "relabel", "takes": [3], "label": "sitting"})
    assert served.room.commands == [
        Record(label="walking"),
        Stop(),
        Relabel(takes=(3,), label="sitting"),
    ]
    assert served.room.sources == {"page"}
    assert served.room.times[-1] == served.time.monotonic()


def test_a_refusal_is_an_answer(served: Served) -> None:
    served.room.answer |= {"ok": False, "message": "Not now."}
    answer = served.ask("/api/command", {"command": "train"})
    assert (answer.status, answer.json["ok"], answer.json["message"]) == (
        200,
        False,
        "Not now.",
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "this is no JSON"),
        (b"{", "this is no JSON"),
        (b"[]", "this is no command"),
        (b"\xff", "this is no JSON"),
        (b'{"command": "explode"}', "there is no command 'explode'"),
        (b'{"command": "stop", "more": 1}', "stop: there is no field more"),
        (b'{"command": "record", "label": "' + b"x" * 49 + b'"}', "record: label has more"),
        (b'{"command": "delete", "takes": []}', "delete: takes is empty"),
    ],
)
def test_what_is_no_command_is_refused_in_words(served: Served, body: bytes, says: str) -> None:
    answer = served.ask("/api/command", body=body)
    assert answer.status == 400
    assert answer.json["message"].startswith(says)
    assert served.room.commands == []


# --- nobody holds it up -----------------------------------------------------------------


def test_a_dead_viewer_holds_up_nobody_and_is_put_out(
    make_served: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STUCK_SECONDS", 0.3)
    served = make_served()
    assert served.server is not None
    dead, alive = served.look(), served.look()
    answer = verdict({f"label {n:039}": 1 / 400 for n in range(400)})
    longest = 0.0
    numbers = []
    for _ in range(400):
        begun = time.perf_counter()
        served.server.show(answer)
        longest = max(longest, time.perf_counter() - begun)
        numbers.append(alive.wait_for("verdict")["sequence"])
    assert len(set(numbers)) == 400
    # What the recognition does for the page does not depend on who takes it.
    assert longest < 1.0
    wait_until(lambda: served.server and served.server.viewers == 1, "the dead one is out")
    alive.close()
    dead.close()


def test_viewers_that_leave_are_forgotten(served: Served) -> None:
    for _ in range(40):
        served.look().close()
    wait_until(lambda: served.server and served.server.viewers == 0, "all have left")


def test_too_many_connections_are_broken_off_and_the_rest_goes_on(
    make_served: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 8)
    served = make_served()
    viewer = served.look()
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 10))
            for _ in range(30)
        ]
        broken = 0
        for peer in idle:
            peer.settimeout(0.2)
            try:
                broken += peer.recv(1) == b""
            except ConnectionResetError:
                broken += 1
            except TimeoutError:
                continue
        assert broken == 30 - 7
        assert viewer.wait_for("health")
    viewer.close()

    def is_served() -> bool:
        with contextlib.suppress(ConnectionError):
            return served.ask("/api/hello").status == 200
        return False

    wait_until(is_served, "there is room again")


def ended(peer: socket.socket) -> bool:
    """Read to the end, which comes by itself."""
    peer.settimeout(10)
    with contextlib.suppress(ConnectionResetError):
        while peer.recv(4096):
            pass
    return True


HELLO = b"GET /api/hello HTTP/1.1\r\nHost: localhost\r\n"
COMMAND = (
    b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Origin: http://localhost\r\nContent-Length: 100\r\n\r\n{"
)


@pytest.mark.parametrize(
    "begin",
    [b"", HELLO, HELLO + b"\r\n" + HELLO, COMMAND, HELLO + b"\r\n" + COMMAND],
    ids=["nothing", "half a head", "half a second head", "half a body", "a second half body"],
)
@pytest.mark.parametrize("trickles", [False, True])
def test_a_request_that_does_not_come_to_its_end_is_broken_off(
    make_served: Callable[..., Served],
    monkeypatch: pytest.MonkeyPatch,
    begin: bytes,
    trickles: bool,
) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.5)
    served = make_served()
    with socket.create_connection(("127.0.0.1", served.port), 10) as peer:
        peer.sendall(begin)
        with contextlib.suppress(ConnectionError):
            for _ in range(20 * trickles):
                time.sleep(0.05)
                peer.sendall(b"x")
        assert ended(peer)


def test_one_address_has_a_share_and_known_ones_have_places_that_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(server, "KEPT", 3)
    monkeypatch.setattr(server, "SHARE", 4)
    monkeypatch.setattr(server, "key_of", lambda client, _server: client[0])
    with server.listen("127.0.0.1", free_port()) as door, contextlib.ExitStack() as stack:
        door.is_known = lambda who, _client, _server: who == "owner"

        def come(who: str) -> bool:
            one, _ = pair = socket.socketpair()
            for end in pair:
                stack.enter_context(end)
            return door._has_room(one, (who, 1))

        assert [come("a") for _ in range(6)] == [True] * 4 + [False] * 2
        assert [come("b") for _ in range(3)] == [True, False, False]
        assert [come("owner") for _ in range(4)] == [True] * 3 + [False]


def test_a_page_that_fails_is_served_again(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    page = served.server
    assert page is not None
    assert page._loop is not None

    def fail() -> None:
        raise SystemExit(1)

    page._loop.call_soon_threadsafe(fail)
    wait_until(lambda: "the server of the page ended" in caplog.text, "it fails")

    def is_served() -> bool:
        with contextlib.suppress(OSError):
            return served.ask("/api/hello").status == 200
        return False

    wait_until(is_served, "it is back")
    served.look().close()


def test_other_users_of_the_computer_may_do_nothing_without_a_password(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "may_command", lambda _user, _group: False)
    for path in ("/", "/api/hello", "/api/takes", "/static/page.js"):
        assert served.ask(path).status == 403
    answer = served.ask("/api/command", {"command": "status"})
    assert answer.status == 403
    assert "web.password_file" in answer.json["message"]


def test_a_connection_that_says_nothing_is_broken_off(
    make_served: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.2)
    served = make_served()
    with socket.create_connection(("127.0.0.1", served.port), 10) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(1) == b""


# --- begin and end ----------------------------------------------------------------------


def test_it_ends_at_once_whoever_is_looking_and_can_begin_anew(
    make_served: Callable[..., Served],
) -> None:
    before = set(threading.enumerate())
    served = make_served()
    viewer = served.look()
    served.stop()
    assert viewer.ended()
    assert served.room.listeners == []
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        served.look()
    served.start()
    served.look().close()


def test_a_port_that_is_taken_is_one_line(make_served: Callable[..., Served]) -> None:
    served = make_served()
    with pytest.raises(ControlError, match=f"port {served.port}: Address already in use") as e:
        make_served(web__port=served.port)
    assert "\n" not in str(e.value)
    assert "Set web.port" in str(e.value)


def test_an_address_that_is_not_here_is_one_line(make_served: Callable[..., Served]) -> None:
    with pytest.raises(ControlError, match=r"cannot be served on 192\.0\.2\.1"):
        make_served(web__host="192.0.2.1")


def test_a_password_that_everybody_may_read_is_refused(
    make_served: Callable[..., Served], tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"web\.password_file .* every user"):
        make_served(web__password_file=str(file))


def test_a_certificate_that_is_none_is_refused(
    make_served: Callable[..., Served], tmp_path: Path
) -> None:
    file = tmp_path / "x.pem"
    file.write_text("nothing")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"web\.cert_file"):
        make_served(web__cert_file=str(file), web__key_file=str(file))
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"web\.key_file .* every user"):
        make_served(web__cert_file=str(file), web__key_file=str(file))


# --- with the daemon --------------------------------------------------------------------


def page_device(folder: Path, port: int) -> Daemon:
    timebase = SystemTime()
    config = device_config(folder, web__enabled=True, web__port=port)
    return Daemon(config, bus=emulated(timebase), timebase=timebase)


def test_the_daemon_goes_on_without_the_page_where_its_port_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        caplog.at_level(logging.ERROR),
        page_device(tmp_path, other.getsockname()[1]) as daemon,
    ):
        wait_until(lambda: daemon.recognition.windows > 0, "it predicts")
    (line,) = [record.getMessage() for record in caplog.records]
    assert "Address already in use" in line
    assert line.endswith("Going on without the page.")


def test_the_daemon_says_what_to_install_where_the_extra_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "harpi.web.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with caplog.at_level(logging.ERROR), page_device(tmp_path, free_port()) as daemon:
        assert daemon.page is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert "pip install starlette uvicorn" in line


def test_a_page_that_is_off_is_not_even_imported(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from harpi.daemon import Daemon\n"
        "from harpi.imu.emulator import VirtualTime\n"
        "from tests.support.device import device_config, emulated\n"
        "time = VirtualTime()\n"
        "daemon = Daemon(device_config(Path(sys.argv[1])), bus=emulated(time), timebase=time)\n"
        "daemon.open()\n"
        "daemon.play(5.0)\n"
        "daemon.stop()\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert "harpi" in imported
    assert not imported & {"starlette", "uvicorn", "anyio"}
