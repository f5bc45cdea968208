"""The local socket: how the command line reaches the running daemon.

A client connects to ``<paths.runtime>/harpi.sock`` and writes one command as one line of
JSON; the daemon answers with one line. More lines may follow on the same connection. The
line ``{"command": "follow"}`` asks for events instead: one line for each, for as long as the
client reads them. ``{"command": "examine"}`` asks how the device does, and
``{"command": "look"}`` says that another program has logged an evaluation.
``{"command": "watch"}`` asks for what goes out over MQTT: verdicts, events and health.

Who may: the user that harpi runs as, root, and the members of `socket.group`; the file's
permissions say so, and the credentials of the peer are checked besides. A client that is
silent for `socket.timeout_seconds`, reads too slowly or writes too much is put out, and
nobody else notices: each has its own thread, of which there are at most `MOST_CLIENTS`.
"""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import pwd
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from harpi.commands import LARGEST_LINE, Answer, Event, SessionApi, decode, encode
from harpi.config.schema import SocketSection
from harpi.errors import AlreadyRunning, ControlError, UsageError
from harpi.files import FileLock, decode_json, make_directory
from harpi.supervisor import Supervisor

MOST_CLIENTS: Final = 16
"""Clients at once; one more is told so and put out."""

MOST_FOLLOWERS: Final = 8
"""Of them that follow events, which may take for ever; the other places are for commands."""

SHARE: Final = 12
"""Clients at once of one user; root and the daemon's own user may have all places."""

HEALTH_SECONDS: Final = 5.0
"""How often somebody who watches is told how the device does."""

EVENTS: Final = 256
"""Events that may wait for a follower that reads slowly; one more and it is put out."""

LONGEST_PATH: Final = 107
"""Bytes that the kernel allows in the name of a socket (unix(7))."""

SOURCE: Final = "command line"

_PEER: Final = struct.Struct("3i")
"""struct ucred: process, user, group (unix(7), SO_PEERCRED)."""

_log = logging.getLogger(__name__)


class ControlSocket:
    """The daemon's end of the socket.

    Args:
        room: where the commands go.
        folder: `paths.runtime`; made where it does not exist.
        section: group and time-out.
        examine: tells how the device does, as one line of JSON; called on the threads of the
            clients, as is
        look_again: takes note of the evaluations that another program has logged.
        supervisor: sees what goes wrong.
    """

    def __init__(
        self,
        room: SessionApi,
        folder: Path,
        section: SocketSection,
        *,
        examine: Callable[[], bytes],
        look_again: Callable[[], None],
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._room = room
        self._examine = examine
        self._look_again = look_again
        self._section = section
        self._path = folder / FILE_NAME
        self._lock = FileLock(folder / f"{FILE_NAME}.lock")
        self._listening: socket.socket | None = None
        self._group: int | None = None
        self._thread: threading.Thread | None = None
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._clients_lock = threading.Lock()
        self._users: dict[threading.Thread, int] = {}
        self._followers = 0
        self._watchers: tuple[_Waiting, ...] = ()
        self._ending = threading.Event()

    @property
    def path(self) -> Path:
        """Where clients find it."""
        return self._path

    @property
    def watched(self) -> bool:
        """Whether anybody wants to hear what `tell` says."""
        return bool(self._watchers)

    def tell(self, name: str, payload: bytes) -> None:
        """Say something to all who watch; never waits. Who reads slowly misses the oldest.

        Args:
            name: last part of the topic that has it over MQTT.
            payload: JSON.
        """
        for waiting in self._watchers:
            _put(waiting, name, payload)

    def start(self) -> None:
        """Open the socket and serve it in threads of its own.

        A socket that a daemon left behind when it died is replaced.

        Raises:
            AlreadyRunning: another daemon serves it.
            ControlError: the group does not exist, or the folder cannot be used.
        """
        self._group = self._find_group()
        if len(os.fsencode(self._path)) > LONGEST_PATH:
            raise ControlError(
                f"the name of the socket is longer than {LONGEST_PATH} bytes",
                where=str(self._path),
                remedy="Set paths.runtime to a shorter folder",
            )
        try:
            make_directory(self._path.parent)
            if not self._lock.acquire():
                raise AlreadyRunning(
                    "another harpi is running",
                    where=str(self._path),
                    remedy="End it first, or give this one its own paths.runtime",
                )
            try:
                self._listening = self._open()
            except OSError:
                self._lock.release()
                raise
        except ControlError:
            raise
        except OSError as error:
            raise ControlError(
                f"the socket cannot be opened ({error.strerror or error})",
                where=str(self._path),
                remedy="Check the owner of the folder, or set paths.runtime to another",
            ) from error
        self._thread = self._supervisor.thread(self._accept, "harpi-socket")
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and put all clients out; stopping twice is harmless."""
        if self._listening is None or self._thread is None:
            return
        self._ending.set()
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        self._listening = None
        with self._clients_lock:
            clients = list(self._clients.items())
        for _, connection in clients:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread, _ in clients:
            thread.join(self._section.timeout_seconds)
        self._path.unlink(missing_ok=True)
        self._lock.release()

    def _find_group(self) -> int | None:
        if self._section.group is None:
            return None
        try:
            return grp.getgrnam(self._section.group).gr_gid
        except KeyError:
            raise ControlError(
                f"there is no group {self._section.group!r}",
                where="socket.group",
                remedy="Make it with 'sudo groupadd', or set another",
            ) from None

    def _open(self) -> socket.socket:
        """Make the socket; nobody can connect before `listen`, when its rights are set."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(self._path))
            if self._group is not None:
                os.chown(self._path, -1, self._group)
            self._path.chmod(0o660 if self._group is not None else 0o600)
            listening.listen(MOST_CLIENTS)
        except OSError:
            listening.close()
            raise
        return listening

    def _accept(self) -> None:
        assert self._listening is not None  # noqa: S101 - opened before the thread
        while not self._ending.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError as error:
                if not self._ending.is_set():
                    _log.warning("a client could not connect: %s", error)
                    self._ending.wait(0.1)
                continue
            connection.settimeout(self._section.timeout_seconds)
            thread = self._supervisor.thread(
                partial(self._serve, connection), "harpi-client", once=True
            )
            user = _credentials(connection)[0]
            with self._clients_lock:
                crowded = len(self._clients) >= MOST_CLIENTS or (
                    user not in (0, os.geteuid())
                    and list(self._users.values()).count(user) >= SHARE
                )
                if not crowded:
                    self._clients[thread] = connection
                    self._users[thread] = user
            if crowded:
                self._refuse(connection, f"{MOST_CLIENTS} clients are connected; try again")
                connection.close()
            else:
                self._begin_to_serve(thread, connection)

    def _begin_to_serve(self, thread: threading.Thread, connection: socket.socket) -> None:
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:  # the next client may have some
            with self._clients_lock:
                self._forget(thread)
            _log.warning("a client is put out: %s", error)
            self._refuse(connection, "there is no memory for another client; try again")
            connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                user = self._user_of(connection)
                if user is None:
                    self._refuse(connection, "this user may not command harpi")
                else:
                    self._converse(connection)
        except OSError as error:
            _log.debug("a client is gone: %s", error)
        finally:
            with self._clients_lock:
                self._forget(threading.current_thread())

    def _forget(self, thread: threading.Thread) -> None:
        self._clients.pop(thread, None)
        self._users.pop(thread, None)

    def _converse(self, connection: socket.socket) -> None:
        lines = Lines(connection, LARGEST_LINE)
        while not self._ending.is_set():
            try:
                line = lines.read()
            except LineTooLong as error:
                self._refuse(connection, f"this is no command: {error}")
                return
            if line is None:
                return
            match question_of(line):
                case Asked(command="follow"):
                    self._let_follow(connection, self._send_events)
                    return
                case Asked(command="watch"):
                    self._let_follow(connection, self._send_all)
                    return
                case Asked(command="examine"):
                    connection.sendall(self._examine() + b"\n")
                    continue
                case Asked(command="look"):
                    self._look_again()
                    connection.sendall(encode(self._answer(True, "looked")) + b"\n")
                    continue
            try:
                answer = self._room.command(decode(line, largest=LARGEST_LINE), SOURCE)
            except UsageError as error:
                self._refuse(connection, str(error))
                continue
            connection.sendall(encode(answer) + b"\n")

    def _let_follow(
        self, connection: socket.socket, send: Callable[[socket.socket], None]
    ) -> None:
        with self._clients_lock:
            crowded = self._followers >= MOST_FOLLOWERS
            self._followers += not crowded
        if crowded:
            self._refuse(connection, f"{MOST_FOLLOWERS} clients follow already; try again")
            return
        try:
            send(connection)
        finally:
            with self._clients_lock:
                self._followers -= 1

    def _send_events(self, connection: socket.socket) -> None:
        """Send events until the client hangs up, reads too slowly, or the daemon ends."""
        waiting: queue.Queue[Event] = queue.Queue(EVENTS)

        def listener(event: Event) -> None:
            try:
                waiting.put_nowait(event)
            except queue.Full:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

        self._room.subscribe(listener)
        try:
            # The first line tells how things stand, and that events come from now on.
            connection.sendall(encode(self._answer(True, "following")) + b"\n")
            while not self._ending.is_set():
                try:
                    event = waiting.get(timeout=0.2)
                except queue.Empty:
                    if _hung_up(connection):
                        return
                    continue
                connection.sendall(encode(event) + b"\n")
        finally:
            self._room.unsubscribe(listener)

    def _send_all(self, connection: socket.socket) -> None:
        """Send what is told, events and health, until the client hangs up or harpi ends."""
        waiting: _Waiting = queue.Queue(EVENTS)

        def listener(event: Event) -> None:
            _put(waiting, "event", encode(event))
            _put(waiting, "session", msgspec.json.encode(event.situation))

        with self._clients_lock:
            self._watchers = (*self._watchers, waiting)
        self._room.subscribe(listener)
        try:
            connection.sendall(encode(self._answer(True, "watching")) + b"\n")
            due = 0.0
            while not self._ending.is_set():
                if (now := time.monotonic()) >= due:
                    due = now + HEALTH_SECONDS
                    _say(connection, "condition", self._examine())
                try:
                    name, payload = waiting.get(timeout=0.2)
                except queue.Empty:
                    if _hung_up(connection):
                        return
                    continue
                _say(connection, name, payload)
        finally:
            self._room.unsubscribe(listener)
            with self._clients_lock:
                self._watchers = tuple(one for one in self._watchers if one is not waiting)

    def _refuse(self, connection: socket.socket, why: str) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(encode(self._answer(False, why)) + b"\n")

    def _answer(self, ok: bool, message: str) -> Answer:
        return Answer(ok=ok, message=message, situation=self._room.situation)

    def _user_of(self, connection: socket.socket) -> str | None:
        """Name the user at the other end; None where he may not command harpi."""
        user, group = _credentials(connection)
        try:
            name = pwd.getpwuid(user).pw_name
            groups = os.getgrouplist(name, group)
        except KeyError:
            name, groups = str(user), [group]
        if user in (0, os.geteuid()) or self._group in groups:
            return name
        _log.warning("user %s tried to command harpi and may not", name)
        return None


def _credentials(connection: socket.socket) -> tuple[int, int]:
    """Give user and group of the other end."""
    content = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, user, group = _PEER.unpack(content)
    return user, group


_Waiting = queue.Queue[tuple[str, bytes]]


def _put(waiting: _Waiting, name: str, payload: bytes) -> None:
    """Put something into a queue, in the place of the oldest where it is full."""
    with contextlib.suppress(queue.Empty, queue.Full):
        if waiting.full():
            waiting.get_nowait()
        waiting.put_nowait((name, payload))


def _say(connection: socket.socket, name: str, payload: bytes) -> None:
    connection.sendall(msgspec.json.encode(Said(name, msgspec.Raw(payload))) + b"\n")


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other end has closed; anything that it still says is not read."""
    if not select.select([connection], [], [], 0)[0]:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


FILE_NAME: Final = "harpi.sock"
"""Name of the socket within the folder `paths.runtime`."""

_CHUNK: Final = 4096

Question = Literal["follow", "examine", "look", "watch"]
"""What can be asked beside commands. `follow`: events in place of answers, one line for each.
`examine`: how the device does, in one line (`harpi.publish.messages.Condition`). `look`: that
the daemon looks at the evaluations that another program has logged.
`watch`: `Said` in place of answers, one line for each."""


class Asked(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A question as a line of JSON."""

    command: Question


class Said(Struct, frozen=True):
    """What a device says, as over MQTT: the last part of the topic, and the payload."""

    name: str
    payload: msgspec.Raw


class LineTooLong(ValueError):
    """The other end sends a line that is longer than any there is."""


class Lines:
    """Reads lines from a connected socket.

    Args:
        connection: with the time-out that shall hold for each read.
        longest: bytes of the longest line.
    """

    def __init__(self, connection: socket.socket, longest: int) -> None:
        self._connection = connection
        self._longest = longest
        self._rest = b""

    def read(self) -> bytes | None:
        """Wait for the next line and return it without its end.

        Returns:
            The line; None when the other end has said all it has to say.

        Raises:
            LineTooLong: it is longer than `longest`.
            OSError: the connection broke, or nothing came in time.
        """
        while b"\n" not in self._rest:
            if len(self._rest) > self._longest:
                raise LineTooLong(f"more than {self._longest} bytes without the end of a line")
            received = self._connection.recv(_CHUNK)
            if not received:
                return None
            self._rest += received
        line, self._rest = self._rest.split(b"\n", 1)
        if len(line) > self._longest:
            raise LineTooLong(f"more than {self._longest} bytes in a line")
        return line


def question_of(line: bytes) -> Asked | None:
    """Tell what a line asks; None where it is no question."""
    try:
        return decode_json(line, Asked)
    except msgspec.DecodeError:
        return None
