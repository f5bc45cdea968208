"""The live stream to each viewer: news, and the signal no finer than the eye sees it.

Whoever has news says them from its own thread and goes on at once; what a viewer has not
fetched yet waits in a queue of its own, where the newest wins. So a viewer that is slow, or
dead, costs itself the old news and nobody else anything.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np
from msgspec import Struct
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from harpi.signal.ring import Ring
from harpi.types import AXES, FloatArray, Samples

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


STUCK_SECONDS: Final = 10.0
"""A viewer that takes nothing for so long is put out."""


def event(name: str, content: object) -> bytes:
    """Write one event with its content as JSON."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))


class EventStream(Response):
    """Sends a viewer its news until it goes, is stuck, or the server ends.

    Args:
        viewer: whose news.
        leave: called at the end.
        put_out: called when the viewer is stuck; breaks its connection.
    """

    media_type = "text/event-stream"

    def __init__(
        self, viewer: Viewer, leave: Callable[[Viewer], None], put_out: Callable[[], None]
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._viewer = viewer
        self._leave = leave
        self._put_out = put_out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the viewer (ASGI)."""
        watching = asyncio.create_task(self._watch(receive))
        try:
            await self._send_all(send)
        except TimeoutError:
            self._put_out()
        finally:
            watching.cancel()
            self._leave(self._viewer)

    async def _send_all(self, send: Send) -> None:
        async def post(message: Message) -> None:
            async with asyncio.timeout(STUCK_SECONDS):
                await send(message)

        await post(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        while content := await self._viewer.next():
            await post({"type": "http.response.body", "body": content, "more_body": True})
        await post({"type": "http.response.body", "body": b""})

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._viewer.close()


SHOWN_RATE: Final = 25.0
"""Points per second of the live trace, at most."""

SHOWN_SECONDS: Final = 8.0
"""Signal that a viewer gets at once."""

POINTS: Final = 120
"""Points of the trace of a whole take."""

_DECIMALS: Final = (3, 3, 3, 1, 1, 1)
"""What is left of each of `AXES`: the noise of the sensor is larger."""


class Piece(Struct, frozen=True, kw_only=True):
    """A stretch of the live trace."""

    time: float
    """Monotonic seconds of the first point."""
    step: float
    """Seconds from one point to the next."""
    gap: bool
    """Samples are missing before it."""
    values: tuple[tuple[float, ...], ...]
    """Points, each with the axes of `harpi.types.AXES`, in g and deg/s."""


class Envelope(Struct, frozen=True, kw_only=True):
    """The trace of a take: least and greatest value in each of `POINTS` equal parts."""

    seconds: float
    low: tuple[tuple[float | None, ...], ...]
    """For each axis of acceleration, in g; None where no sample is."""
    high: tuple[tuple[float | None, ...], ...]


class LiveTrace:
    """Reads the ring for the page; used by one thread.

    Args:
        ring: the signal of the last seconds.
        rate: samples per second in it.
    """

    def __init__(self, ring: Ring, rate: float) -> None:
        self._ring = ring
        self._step = max(1, round(rate / SHOWN_RATE))
        self._seconds = self._step / rate
        self._recent = round(SHOWN_SECONDS * rate)
        self._position = ring.written
        self._rest: Samples | None = None

    def recent(self) -> list[Piece]:
        """Give the last seconds, for a viewer that begins to look."""
        pieces, _ = self._pieces(self._ring.latest(self._recent))
        return pieces

    def skip(self) -> None:
        """Leave out what came while nobody looked."""
        self._position, self._rest = self._ring.written, None

    def news(self) -> list[Piece]:
        """Give what came since the last call."""
        if self._ring.written == self._position:
            return []
        blocks, self._position = self._ring.since(self._position)
        if self._rest is not None and blocks and not blocks[0].gap:
            first, rest = blocks[0], self._rest
            blocks[0] = Samples(
                np.concatenate([rest.values, first.values]),
                np.concatenate([rest.times, first.times]),
                gap=rest.gap,
            )
        pieces, self._rest = self._pieces(blocks)
        return pieces

    def _pieces(self, blocks: Sequence[Samples]) -> tuple[list[Piece], Samples | None]:
        """Average each `step` samples; give the points, and the samples too few for one."""
        pieces = []
        rest = None
        for block in blocks:
            points = len(block) // self._step
            used = points * self._step
            if points:
                means = block.values[:used].reshape(points, self._step, len(AXES)).mean(axis=1)
                pieces.append(
                    Piece(
                        time=round(float(block.times[0]), 3),
                        step=self._seconds,
                        gap=block.gap,
                        values=_rounded(means),
                    )
                )
            left = Samples(block.values[used:], block.times[used:], gap=block.gap and not used)
            rest = left if len(left) else None
        return pieces, rest


def envelope(runs: Sequence[Samples], seconds: float) -> Envelope:
    """Draw the acceleration of a take together.

    Args:
        runs: its samples, times in seconds from its start.
        seconds: its length.
    """
    times = np.concatenate([run.times for run in runs])
    values = np.concatenate([run.values for run in runs])[:, :3]
    part = np.clip((times / max(seconds, 1e-9) * POINTS).astype(np.int64), 0, POINTS - 1)
    filled, begins = np.unique(part, return_index=True)
    low = np.full((POINTS, 3), np.nan, np.float32)
    high = low.copy()
    low[filled] = np.minimum.reduceat(values, begins)
    high[filled] = np.maximum.reduceat(values, begins)
    return Envelope(seconds=round(seconds, 2), low=_columns(low), high=_columns(high))


def _rounded(values: FloatArray) -> tuple[tuple[float, ...], ...]:
    columns = (
        np.round(values[:, axis].astype(np.float64), decimals)
        for axis, decimals in enumerate(_DECIMALS)
    )
    return tuple(map(tuple, np.stack(list(columns), axis=1).tolist()))


def _columns(values: FloatArray) -> tuple[tuple[float | None, ...], ...]:
    rounded = np.round(values.astype(np.float64), 2).T.tolist()
    return tuple(
        tuple(None if math.isnan(value) else value for value in column) for column in rounded
    )
