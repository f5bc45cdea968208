"""Recordings that are sent to the page become takes, and takes become a file.

A browser sends a file in parts, so that no request is long and none needs much memory. What is
in it is read by `harpi import` in a process of its own, which first says what it understood.
One file at a time is kept, in a folder of the state, until it is imported, dropped or replaced,
or the page is served anew.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import subprocess
import threading
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from harpi import child
from harpi.config.schema import Config, Label
from harpi.errors import UsageError
from harpi.files import decode_json, make_directory
from harpi.web.auth import RAW, refuse
from harpi.web.messages import as_json, body_of

FOLDER: Final = "uploads"
"""In the folder of the state."""

LARGEST_FILE: Final = 256 * 1024 * 1024
"""Bytes of a recording; an hour at 200 Hz has about 60 MB as CSV."""

LARGEST_PART: Final = 256 * 1024
"""Bytes that are sent at a time."""

ROOM: Final = 3
"""So many times the size of a file has to be free on the disk: it is unpacked and stored."""

PATIENCE: Final = 900.0
"""Seconds after which reading or writing a file is given up."""

MOST_TAKES: Final = 1000
"""Takes that are named in one request for a file of them."""

_MB: Final = 1024 * 1024
_NAME: Final = re.compile(r"[^\w.,() +-]")


class Offered(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that is about to be sent."""

    name: str
    size: int


class Chosen(Struct, frozen=True, forbid_unknown_fields=True):
    """How a file is to be taken."""

    label: Label | None = None
    """Of what has none."""
    test: bool = False
    """The takes are for measuring."""


class Accepted(Struct, frozen=True, kw_only=True):
    """Where to send the parts of a file."""

    id: str
    part: int
    """Bytes of a part, at most."""


class Told(Struct, frozen=True, kw_only=True):
    """What came of looking into a file, or of importing it."""

    ok: bool
    lines: tuple[str, ...]
    """What was understood and done; else why nothing was."""


class Transfer:
    """Takes files in, and gives takes out.

    Args:
        config: of the device; it is reached by its socket.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._folder = config.paths.state_folder / FOLDER
        self._lock = threading.Lock()
        self._file: Path | None = None
        self._id = ""
        self._size = 0
        self._process: subprocess.Popen[str] | None = None
        self.routes = [
            Route("/api/files", self._offer, methods=["POST"]),
            Route(f"{RAW}{{id}}", self._take_part, methods=["POST"]),
            Route("/api/files/{id}/look", self._look, methods=["POST"]),
            Route("/api/files/{id}/import", self._import, methods=["POST"]),
            Route("/api/files/{id}/drop", self._drop, methods=["POST"]),
            Route("/api/export", self._export),
        ]

    def close(self) -> None:
        """End what goes on, and delete all files; also those that an earlier run has left."""
        process = self._process
        if process is not None:
            process.kill()
        self._clear()
        for left in self._folder.parent.glob(f"{FOLDER}-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _clear(self) -> None:
        self._file = None
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- a file comes -----------------------------------------------------------------------

    async def _offer(self, request: Request) -> Response:
        try:
            offered = decode_json(await body_of(request), Offered)
        except msgspec.DecodeError:
            return refuse(400, 'Send {"name": "walk.csv", "size": 1234}.')
        if not 0 < offered.size <= LARGEST_FILE:
            return refuse(
                413,
                f"A file has up to {LARGEST_FILE // _MB} MB here, and is not empty. Copy a "
                "larger one to the device, and run `harpi import` there.",
            )
        if self._process is not None:
            return refuse(409, "Another file is being read. Try again when that has ended.")
        try:
            await asyncio.to_thread(self._make_room, offered)
        except (OSError, UsageError) as error:
            return refuse(507, f"The file cannot be kept: {_said(error)}.")
        return as_json(Accepted(id=self._id, part=LARGEST_PART))

    def _make_room(self, offered: Offered) -> None:
        self._clear()
        make_directory(self._folder.parent)
        self._folder.mkdir(mode=0o700)
        free = shutil.disk_usage(self._folder).free
        if free < ROOM * offered.size:
            needed = -(-ROOM * offered.size // _MB)
            raise UsageError(f"it needs {needed} MB on the disk, {free // _MB} MB are free")
        name = _NAME.sub("_", Path(offered.name.replace("\\", "/")).name).lstrip(".-")[-100:]
        self._id = secrets.token_urlsafe(16)
        self._size = offered.size
        inner = self._folder / self._id
        inner.mkdir(mode=0o700)
        self._file = inner / (name or "recording")
        self._file.touch(mode=0o600)

    async def _take_part(self, request: Request) -> Response:
        file = self._known(request)
        if file is None:
            return _gone()
        content = await body_of(request, LARGEST_PART)
        begin = request.query_params.get("at", "")
        have = file.stat().st_size
        if begin != str(have) or have + len(content) > self._size:
            return refuse(409, f"The next part begins at {have}.")
        try:
            await asyncio.to_thread(_append, file, content)
        except OSError as error:
            return refuse(507, f"The file cannot be kept: {_said(error)}.")
        return Response(status_code=204)

    async def _drop(self, request: Request) -> Response:
        if self._known(request) is None:
            return _gone()
        await asyncio.to_thread(self._clear)
        return Response(status_code=204)

    def _known(self, request: Request) -> Path | None:
        same = secrets.compare_digest(request.path_params["id"].encode(), self._id.encode())
        return self._file if same else None

    # --- and is read ------------------------------------------------------------------------

    async def _look(self, request: Request) -> Response:
        return await self._read(request, "--dry-run")

    async def _import(self, request: Request) -> Response:
        return await self._read(request)

    async def _read(self, request: Request, *more: str) -> Response:
        file = self._known(request)
        if file is None:
            return _gone()
        try:
            chosen = decode_json(await body_of(request), Chosen)
        except msgspec.DecodeError:
            return refuse(400, 'Send {"label": "walking", "test": false}, or {}.')
        if file.stat().st_size != self._size:
            return refuse(409, f"The next part begins at {file.stat().st_size}.")
        words = ["import", *more, "--split", "test" if chosen.test else "train"]
        if chosen.label is not None:
            words.append(f"--label={chosen.label}")
        told = await asyncio.to_thread(self._run, [*words, "--", str(file)], file.parent)
        if told is None:
            return refuse(409, "Another file is being read. Try again when that has ended.")
        if told.ok and not more:
            await asyncio.to_thread(self._clear)
        return as_json(told)

    def _run(self, words: list[str], folder: Path) -> Told | None:
        """Run a command; None where another one runs."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self._process = process = child.start(words, self._config, folder)
            said, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return Told(ok=False, lines=(f"It took longer than {PATIENCE:.0f} s.",))
        except OSError as error:
            return Told(ok=False, lines=(f"It cannot be read: {_said(error)}.",))
        finally:
            self._process = None
            self._lock.release()
        lines = said.splitlines()
        if process.returncode != 0 and (why := child.reason_in(errors)):
            lines.append(why)
        lines = lines or ["It ended without saying why."]
        # Where the file lies here is nothing to whoever sent it.
        shown = tuple(line.replace(f"{folder}/", "") for line in lines if line.strip())
        return Told(ok=process.returncode == 0, lines=shown)

    # --- a file goes ------------------------------------------------------------------------

    async def _export(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return refuse(403, "This comes from another site.")
        numbers = request.query_params.get("takes", "")
        if not re.fullmatch(r"[0-9]{1,15}(,[0-9]{1,15})*|", numbers):
            return refuse(400, "Name takes by their numbers, as in takes=3,4.")
        takes = numbers.split(",") if numbers else []
        if len(takes) > MOST_TAKES:
            return refuse(400, f"Name {MOST_TAKES} takes at most, or none for all.")
        folder = self._folder.with_name(f"{FOLDER}-{secrets.token_urlsafe(8)}")
        name = f"harpi-takes-{datetime.now().astimezone():%Y-%m-%d}.zip"
        told = await asyncio.to_thread(self._write, folder, name, takes)
        remove = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        if told is None or not told.ok:
            await remove()
            why = "Another file is being read." if told is None else told.lines[-1]
            return refuse(409, why)
        return FileResponse(folder / name, filename=name, background=remove)

    def _write(self, folder: Path, name: str, takes: list[str]) -> Told | None:
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            return Told(ok=False, lines=(f"It cannot be written: {_said(error)}.",))
        return self._run(["export", "--", str(folder / name), *takes], folder)


def _append(file: Path, content: bytes) -> None:
    with file.open("ab") as end:
        end.write(content)


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).rstrip(".")


def _gone() -> Response:
    return refuse(404, "This file is not here any more. Send it again.")
