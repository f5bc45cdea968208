"""The shim: unmodified processes find the emulator behind /dev/i2c-1.

It is `i2c_shim.c`, built with the system's compiler, and a server for it in this process.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.labs.rigs.wire import LARGEST, Adapter

SOURCE = Path(__file__).with_name("i2c_shim.c")


def build(folder: Path, compiler: str = "cc") -> Path:
    """Compile the shim, for another architecture with another compiler."""
    library = folder / "i2c_shim.so"
    words = "-Wall -Wextra -Werror -O1 -shared -fPIC -pthread -o"
    subprocess.run([compiler, *words.split(), library, SOURCE, "-ldl"], check=True)
    return library


@contextlib.contextmanager
def serving(adapter: Adapter, library: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Answer every process that has the environment given here, until the end of the block.

    Args:
        adapter: answers.
        library: as from `build`.
        folder: where the socket is put.
    """
    path = folder / "i2c-1"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(str(path))
        door.listen()
        thread = threading.Thread(target=_admit, args=(door, adapter))
        thread.start()
        try:
            yield {"LD_PRELOAD": str(library), "I2C_SHIM_SOCKET": str(path)}
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()
            path.unlink()


def _admit(door: socket.socket, adapter: Adapter) -> None:
    """Serve each that connects on a thread of its own; end with the door."""
    served = []
    while True:
        try:
            connection, _ = door.accept()
        except OSError:
            break
        thread = threading.Thread(target=_serve, args=(connection, adapter))
        thread.start()
        served.append((connection, thread))
    for connection, thread in served:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(connection: socket.socket, adapter: Adapter) -> None:
    with connection, contextlib.suppress(ConnectionError):
        connection.send(adapter.greeting())
        while request := connection.recv(LARGEST):
            connection.send(adapter.answer(request))
