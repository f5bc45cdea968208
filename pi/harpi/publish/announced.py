"""What Home Assistant was told of in earlier runs, so that it can be taken back."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from harpi.decoding import decode_json
from harpi.files import make_directory, write_atomically

FILE_NAME: Final = "homeassistant.json"
"""Name of the file within the folder `paths.state`."""

FORMAT: Final = 1

MOST: Final = 256
"""Labels that are remembered; what was told first is forgotten first."""

log = logging.getLogger(__name__)


class Announced(Struct, frozen=True):
    """What was told.

    Attributes:
        format: of the file.
        topic: of the announcement; empty where nothing was told yet.
        labels: for which there may be a button, what was told first in front.
    """

    format: int = FORMAT
    topic: str = ""
    labels: tuple[str, ...] = ()


class AnnouncedFile:
    """The file of it. Where it cannot be used, that is said, and nothing is remembered.

    Args:
        path: the file; made, with its folder, when something is told first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._waiting: Announced | None = None
        self._thread: threading.Thread | None = None

    def read(self) -> Announced:
        """Give what was told; nothing where there is no file, or a damaged one."""
        try:
            announced = decode_json(self._path.read_bytes(), Announced)
            if announced.format > FORMAT:
                raise msgspec.ValidationError("it is of a newer harpi")
        except FileNotFoundError:
            return Announced()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s is not read: %s", self._path, error)
            return Announced()
        return announced

    def write(self, announced: Announced) -> None:
        """Remember what is told from now on; a thread waits for the disk."""
        labels = announced.labels[-MOST:]
        with self._lock:
            self._waiting = msgspec.structs.replace(announced, labels=labels)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="mqtt-discovery")
                self._thread.start()

    def close(self) -> None:
        """Wait until the last of it is on the disk."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _write(self) -> None:
        while True:
            with self._lock:
                announced, self._waiting = self._waiting, None
                if announced is None:
                    self._thread = None
                    return
            try:
                make_directory(self._path.parent)
                write_atomically(self._path, msgspec.json.encode(announced))
            except OSError as error:
                log.warning("%s is not written: %s", self._path, error.strerror or error)
