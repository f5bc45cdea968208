"""Server-sent events (HTML Living Standard, section 9.2), to one viewer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from harpi.web.broadcast import Viewer

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
