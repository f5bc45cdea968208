"""Which messages wait, and which make room for newer ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harpi.publish.publisher import EVENTS, LiveQueue, Message


def kept(topic: str, payload: bytes = b"") -> Message:
    return Message(topic, payload, retain=True)


def event(payload: bytes, *, passing: bool = False) -> Message:
    return Message("event", payload, retain=False, passing=passing)


def taken(queue: LiveQueue) -> list[Message]:
    return [queue.take() for _ in range(len(queue))]


def test_the_newest_of_a_topic_takes_the_place_of_the_one_that_waits() -> None:
    queue = LiveQueue()
    for message in (kept("state", b"1"), kept("health"), kept("state", b"2")):
        queue.put(message)
    assert taken(queue) == [kept("state", b"2"), kept("health")]
    assert queue.dropped == 1


def test_events_keep_their_order_and_the_oldest_go_first() -> None:
    queue = LiveQueue()
    events = [event(b"%d" % number) for number in range(EVENTS + 3)]
    for message in events:
        queue.put(message)
    assert taken(queue) == events[3:]
    assert queue.dropped == 3


def test_progress_makes_room_for_progress_and_for_nothing_else() -> None:
    queue = LiveQueue()
    messages = [event(b"a"), event(b"1", passing=True), event(b"2", passing=True), event(b"b")]
    for message in messages:
        queue.put(message)
    assert taken(queue) == [messages[0], messages[2], messages[3]]


def test_after_a_break_all_that_is_retained_is_said_anew_and_unsure_events_first() -> None:
    queue = LiveQueue()
    for message in (kept("status"), kept("state"), event(b"1"), event(b"2")):
        queue.put(message)
    on_the_way = [queue.take() for _ in range(3)]
    queue.begin_again(on_the_way)
    assert taken(queue) == [kept("status"), kept("state"), event(b"1"), event(b"2")]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans())))
def test_it_never_holds_more_than_its_events_and_one_of_each_topic(
    puts: list[tuple[str, bool, bool]],
) -> None:
    queue = LiveQueue()
    for topic, retain, passing in puts * 10:
        queue.put(Message(topic, b"", retain=retain, passing=passing))
    assert len(queue) <= EVENTS + 3
