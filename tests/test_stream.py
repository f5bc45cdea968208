"""What happens reaches whoever asked for its kind."""

from __future__ import annotations

from harpi.stream import Stream
from harpi.supervisor import Supervisor


def test_each_kind_reaches_those_who_asked_for_it_in_their_order() -> None:
    stream = Stream(Supervisor())
    heard: list[object] = []
    stream.subscribe(str, lambda said: heard.append(f"first {said}"))
    stream.subscribe(int, heard.append)
    stream.subscribe(str, lambda said: heard.append(f"second {said}"))
    for happened in ("a", 1, 2.0, "b"):
        stream.tell(happened)
    assert heard == ["first a", "second a", 1, "first b", "second b"]


def test_who_asks_no_more_hears_no_more() -> None:
    stream = Stream(Supervisor())
    heard: list[int] = []
    stream.unsubscribe(int, heard.append)
    stream.subscribe(int, heard.append)
    stream.tell(1)
    stream.unsubscribe(int, heard.append)
    stream.tell(2)
    assert heard == [1]


def test_a_listener_may_go_while_it_is_called() -> None:
    stream = Stream(Supervisor())
    heard: list[int] = []

    def once(number: int) -> None:
        heard.append(number)
        stream.unsubscribe(int, once)

    stream.subscribe(int, once)
    stream.subscribe(int, heard.append)
    stream.tell(1)
    stream.tell(2)
    assert heard == [1, 1, 2]


def test_one_that_fails_is_told_by_its_thread_and_keeps_nothing_from_the_others() -> None:
    supervisor = Supervisor()
    stream = Stream(supervisor)
    heard: list[int] = []

    def fail(number: int) -> None:
        raise ZeroDivisionError(number)

    stream.subscribe(int, fail)
    stream.subscribe(int, heard.append)
    thread = supervisor.thread(lambda: stream.tell(1), "speaker", once=True)
    thread.start()
    thread.join()
    assert heard == [1]
    assert supervisor.counts() == {"speaker": 1}
