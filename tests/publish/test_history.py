"""Numbered messages: in order, without a hole that is not announced, never a number twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from harpi.publish.history import RESERVED
from tests.support.broker import wait_until
from tests.support.histories import add, compose, each, heard, history, send

SMALL = 1_000_000
"""Bytes of the smallest limit that can be set."""


def test_messages_hold_their_numbers_and_go_in_order(tmp_path: Path) -> None:
    one = history(tmp_path / "h")
    add(one, 3)
    sent = send(one)
    assert heard(sent) == each(0, 1, 2)
    assert [json.loads(entry.payload)["sequence"] for entry in sent] == [0, 1, 2]
    assert one.waiting == 0
    one.close()


def test_what_waits_outlives_a_restart_and_numbers_go_on(tmp_path: Path) -> None:
    one = history(tmp_path / "h")
    stream = one.stream
    add(one, 5)
    send(one, 2)
    one.close()
    two = history(tmp_path / "h")
    add(two, 1)
    assert two.stream == stream
    assert heard(send(two)) == each(2, 3, 4, 5)
    two.close()


def test_what_was_sent_and_not_acknowledged_is_sent_again_after_a_restart(
    tmp_path: Path,
) -> None:
    one = history(tmp_path / "h")
    add(one, 2)
    one.take()
    one.close()
    two = history(tmp_path / "h")
    assert heard(send(two)) == each(0, 1)
    two.close()


def power_cut(path: Path, to: Path) -> Path:
    """Give what a loss of power at this moment would have left on the disk."""
    to.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, to / file.name)
    return to / path.name


def test_after_a_power_cut_no_number_comes_twice_and_the_hole_is_announced(
    tmp_path: Path,
) -> None:
    one = history(tmp_path / "h")
    add(one, 5)
    left = power_cut(tmp_path / "h", tmp_path / "cut")
    two = history(left)
    add(two, 1)
    first, second = send(two)
    assert (first.first, first.number) == (0, RESERVED - 1)
    assert json.loads(first.payload) == {
        "kind": "gap",
        "stream": one.stream,
        "sequence": RESERVED - 1,
        "first": 0,
        "reason": "restart",
    }
    assert second.number == RESERVED
    one.close()
    two.close()


def test_a_number_that_is_not_reserved_is_not_sent_before_it_is(tmp_path: Path) -> None:
    one = history(tmp_path / "h")
    add(one, RESERVED + 10)
    assert len(send(one)) == RESERVED
    one.write()
    assert len(send(one)) == 10
    one.close()


def test_nothing_is_written_while_the_broker_takes_everything(tmp_path: Path) -> None:
    one = history(tmp_path / "h")
    for _ in range(20):
        add(one, 3)
        send(one)
        before = (tmp_path / "h-wal").read_bytes()
        one.write()
        assert (tmp_path / "h-wal").read_bytes() == before
    one.close()


def test_what_waits_for_two_rounds_is_on_the_disk(tmp_path: Path) -> None:
    one = history(tmp_path / "h")
    add(one, 3)
    one.write()
    one.write()
    two = history(power_cut(tmp_path / "h", tmp_path / "cut"))
    assert heard(send(two))[:3] == each(0, 1, 2)
    one.close()
    two.close()


def stored(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("SELECT count(*) FROM entry").fetchone()[0])


def test_a_thread_of_its_own_writes_now_and_then(tmp_path: Path) -> None:
    one = history(tmp_path / "h", write_seconds=0.01)
    one.start()
    add(one, 3)
    wait_until(lambda: stored(tmp_path / "h") == 3, "the three are on the disk")
    one.close()


def test_what_the_broker_has_is_taken_off_the_disk(tmp_path: Path) -> None:
    one = history(tmp_path / "h")
    add(one, 3)
    one.write(force=True)
    send(one)
    one.write()
    assert stored(tmp_path / "h") == 0
    one.close()


def test_the_oldest_make_room_and_a_gap_says_so(tmp_path: Path) -> None:
    one = history(tmp_path / "h", limit_mb=1)
    add(one, 30, size=SMALL // 20)
    assert one.given_up == 11
    sent = send(one)
    assert heard(sent) == [(0, 10), *each(*range(11, 30))]
    assert json.loads(sent[0].payload)["reason"] == "full"
    one.close()


def test_the_newest_are_refused_where_that_is_the_policy(tmp_path: Path) -> None:
    one = history(tmp_path / "h", limit_mb=1, when_full="drop_newest")
    add(one, 30, size=SMALL // 20)
    kept = 30 - one.given_up
    assert heard(send(one)) == [*each(*range(kept)), (kept, 29)]
    add(one, 1)
    assert heard(send(one)) == each(30)
    one.close()


def test_gaps_and_what_is_around_them_outlive_a_restart(tmp_path: Path) -> None:
    one = history(tmp_path / "h", limit_mb=1)
    add(one, 15, size=SMALL // 20)
    one.write(force=True)
    add(one, 15, size=SMALL // 20)
    one.close()
    two = history(tmp_path / "h", limit_mb=1)
    assert heard(send(two)) == [(0, 10), *each(*range(11, 30))]
    two.close()


def test_a_new_connection_repeats_what_the_last_broker_may_have_taken_along() -> None:
    one = history()
    add(one, 5)
    send(one, 2)
    one.take()
    one.rewind()
    assert heard(send(one)) == each(0, 1, 2, 3, 4)


def test_a_refusal_waits_for_the_next_connection() -> None:
    one = history()
    add(one, 3)
    first, _second = one.take(), one.take()
    assert first
    one.acknowledge(first, refused=True)
    assert one.take() is None
    one.rewind()
    assert heard(send(one)) == each(0, 1, 2)


def test_what_is_kept_can_be_asked_for_again() -> None:
    one = history()
    add(one, 10)
    send(one, 8)
    assert one.repeat(2, 3) == 2
    assert one.repeat(3, 4) == 2
    assert one.repeat(7, 12) == 3
    assert heard(send(one)) == each(2, 3, 4, 7, 8, 9)


def test_without_a_disk_it_waits_in_memory_and_each_start_numbers_anew(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    one = history(tmp_path / "in the way" / "h")
    two = history(tmp_path / "in the way" / "h")
    add(one, RESERVED * 2)
    assert len(send(one)) == RESERVED * 2
    assert one.stream != two.stream
    one.close()
    two.close()


class Subscriber(RuleBasedStateMachine):
    """Whatever happens, a subscriber can tell of every number what became of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(self.make_folder())
        self.one = history(self.folder / "h", limit_mb=1)
        self.accounted: dict[str, set[int]] = {}
        self.produced: dict[str, dict[int, bytes]] = {}

    @staticmethod
    def make_folder() -> str:
        return tempfile.mkdtemp(prefix="harpi-history-")

    @rule(count=st.integers(1, 4), size=st.integers(0, SMALL // 6))
    def judge(self, count: int, size: int) -> None:
        for _ in range(count):
            seen: list[bytes] = []

            def note(stream: str, number: int, seen: list[bytes] = seen) -> bytes:
                seen.append(compose(size)(stream, number))
                return seen[-1]

            number = self.one.add(note)
            of_stream = self.produced.setdefault(self.one.stream, {})
            assert number not in of_stream, "a number was used twice"
            of_stream[number] = seen[0]

    @rule(most=st.integers(1, 10))
    def deliver(self, most: int) -> None:
        for entry in send(self.one, most):
            said = json.loads(entry.payload)
            known = self.accounted.setdefault(said["stream"], set())
            if said["kind"] == "verdict":
                assert self.produced[said["stream"]][said["sequence"]] == entry.payload
            known.update(range(entry.first, entry.number + 1))
            assert known == set(range(max(known) + 1)), "a hole that nobody announced"

    @rule()
    def lose_on_the_way(self) -> None:
        self.one.take()
        self.one.rewind()

    @rule()
    def write(self) -> None:
        self.one.write()

    @rule()
    def restart(self) -> None:
        self.one.close()
        self.one = history(self.folder / "h", limit_mb=1)

    @rule()
    def lose_power(self) -> None:
        left = power_cut(self.folder / "h", Path(self.make_folder()) / "cut")
        self.one.close()
        shutil.rmtree(self.folder)
        self.folder = left.parent
        self.one = history(left, limit_mb=1)

    @invariant()
    def stays_within_its_room(self) -> None:
        assert self.one._bytes <= SMALL + SMALL // 5

    def teardown(self) -> None:
        self.deliver(10**9)
        for stream, numbers in self.produced.items():
            assert numbers.keys() <= self.accounted.get(stream, set())
        self.one.close()
        shutil.rmtree(self.folder, ignore_errors=True)


TestSubscriber = Subscriber.TestCase
TestSubscriber.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(0, 50), st.integers(0, 50))
def test_a_repetition_gives_what_it_says(rounds: list[int], first: int, last: int) -> None:
    one = history()
    for count in rounds:
        add(one, count)
        send(one, count // 2)
    sent = set(range(sum(rounds)))
    promised = one.repeat(first, last)
    assert promised == len(sent & set(range(first, last + 1)))
