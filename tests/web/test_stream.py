"""From the threads that know something to the viewers that want to see it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from harpi.web import stream
from harpi.web.stream import WAITING, Broadcast, Kind, Viewer


def encode(kind: Kind, news: Any) -> bytes:
    return f"{kind} {news};".encode()


def in_a_loop(story: Callable[[Broadcast], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        hub = Broadcast(encode)
        hub.open()
        await story(hub)

    asyncio.run(run())


def joined(hub: Broadcast) -> Viewer:
    viewer = hub.join()
    assert viewer is not None
    return viewer


def test_every_viewer_is_told_everything_in_order() -> None:
    async def story(hub: Broadcast) -> None:
        first, second = joined(hub), joined(hub)
        for number in range(3):
            hub.say("session", number)
        for viewer in (first, second):
            assert await viewer.next() == b"session 0;session 1;session 2;"

    in_a_loop(story)


def test_of_what_waits_for_a_slow_viewer_the_newest_wins() -> None:
    async def story(hub: Broadcast) -> None:
        slow, quick = joined(hub), joined(hub)
        for number in range(200):
            hub.say("verdict", number)
            hub.say("session", number)
            assert f"verdict {number};".encode() in await quick.next()
        content = await slow.next()
        assert content.count(b"verdict") == WAITING["verdict"] == 1
        assert b"verdict 199;" in content
        assert content.count(b"session") == WAITING["session"]
        assert content.index(b"session 198;") < content.index(b"session 199;")
        assert b"session 100;" not in content

    in_a_loop(story)


def test_whoever_has_news_says_them_from_any_thread_and_never_waits() -> None:
    async def story(hub: Broadcast) -> None:
        viewer = joined(hub)
        # The event loop is held up all the while: nothing is fetched.
        threads = [
            threading.Thread(target=lambda: [hub.say("trace", n) for n in range(5000)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        assert (await viewer.next()).count(b"trace") == WAITING["trace"]

    in_a_loop(story)


def test_while_nobody_looks_nothing_is_even_written() -> None:
    async def story(hub: Broadcast) -> None:
        hub.say("verdict", 1)
        viewer = joined(hub)
        hub.leave(viewer)
        hub.say("verdict", 2)
        await asyncio.sleep(0)
        viewer = joined(hub)
        hub.say("verdict", 3)
        assert await viewer.next() == b"verdict 3;"

    in_a_loop(story)


def test_there_are_only_so_many_viewers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_VIEWERS", 2)

    async def story(hub: Broadcast) -> None:
        first = joined(hub)
        joined(hub)
        assert hub.join() is None
        hub.leave(first)
        joined(hub)

    in_a_loop(story)


def test_at_the_end_all_viewers_are_let_go() -> None:
    async def story(hub: Broadcast) -> None:
        viewer = joined(hub)
        waiting = asyncio.create_task(viewer.next())
        await asyncio.sleep(0)
        hub.say("verdict", 1)
        hub.close()
        hub.say("verdict", 2)
        assert await waiting == b""
        assert hub.join() is None

    in_a_loop(story)
