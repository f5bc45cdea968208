"""From the threads that know something to the viewers that want to see it.

Whoever has news says them from its own thread and goes on at once; what a viewer has not
fetched yet waits in a queue of its own, where the newest wins. So a viewer that is slow, or
dead, costs itself the old news and nobody else anything.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal

Kind = Literal["session", "verdict", "health", "trace"]

WAITING: Final[dict[Kind, int]] = {"session": 64, "verdict": 1, "health": 1, "trace": 16}
"""News of each kind that may wait for a viewer; one more, and the oldest is dropped."""

MOST_VIEWERS: Final = 16


class Viewer:
    """What one viewer has not been sent yet; used in the event loop alone."""

    def __init__(self) -> None:
        self._waiting: dict[Kind, deque[bytes]] = {
            kind: deque(maxlen=most) for kind, most in WAITING.items()
        }
        self._news = asyncio.Event()
        self._closed = False

    def put(self, kind: Kind, content: bytes) -> None:
        """Let a piece of news wait."""
        self._waiting[kind].append(content)
        self._news.set()

    def close(self) -> None:
        """Let `next` give nothing any more."""
        self._closed = True
        self._news.set()

    async def next(self) -> bytes:
        """Wait for news and give all that there are; nothing at the end."""
        await self._news.wait()
        if self._closed:
            return b""
        self._news.clear()
        content = b"".join(piece for queue in self._waiting.values() for piece in queue)
        for queue in self._waiting.values():
            queue.clear()
        return content


class Broadcast:
    """Hands news to all viewers.

    Args:
        encode: makes of a piece of news what is sent; called in the event loop, once for
            all viewers.
    """

    def __init__(self, encode: Callable[[Kind, Any], bytes]) -> None:
        self._encode = encode
        self._viewers: set[Viewer] = set()
        self._inbox: dict[Kind, deque[Any]] = {
            kind: deque(maxlen=most) for kind, most in WAITING.items()
        }
        self._lock = threading.Lock()
        self._woken = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def viewers(self) -> int:
        """How many look."""
        return len(self._viewers)

    def say(self, kind: Kind, news: object) -> None:
        """Tell all viewers, from any thread; never waits, and costs microseconds."""
        loop = self._loop
        if loop is None or not self._viewers:
            return
        with self._lock:
            self._inbox[kind].append(news)
            woken, self._woken = self._woken, True
        if not woken:
            loop.call_soon_threadsafe(self._deliver)

    # --- in the event loop ----------------------------------------------------------------

    def open(self) -> None:
        """Begin to hand on, in the running event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Let all viewers go."""
        self._loop = None
        for viewer in self._viewers:
            viewer.close()

    def join(self) -> Viewer | None:
        """Let one more look; None where there are too many."""
        if len(self._viewers) >= MOST_VIEWERS or self._loop is None:
            return None
        viewer = Viewer()
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Let a viewer go."""
        self._viewers.discard(viewer)

    def _deliver(self) -> None:
        with self._lock:
            self._woken = False
            news = [(kind, piece) for kind, queue in self._inbox.items() for piece in queue]
            for queue in self._inbox.values():
                queue.clear()
        for kind, piece in news:
            content = self._encode(kind, piece)
            for viewer in self._viewers:
                viewer.put(kind, content)
