from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from harpi.errors import StoreError, TakeNotFound, UsageError
from harpi.store.store import Store
from tests.support.takes import RATE, ROOMY, START, counts_of_chip, signal, take_of


def test_a_take_comes_back_as_it_was_added(store: Store) -> None:
    recorded = signal(3.0)
    known = take_of(
        "running",
        split="test",
        position="left_wrist",
        device="pi",
        note="uphill",
        flags=("too_short",),
    )
    number = store.add(known, [recorded]).id

    take = store.take(number)
    assert (take.label, take.split, take.position) == ("running", "test", "left_wrist")
    assert (take.device, take.note, take.flags) == ("pi", "uphill", ("too_short",))
    assert (take.start, take.rate, take.state) == (START, RATE, "kept")
    assert (take.count, take.gaps) == (150, 0)
    assert take.seconds == pytest.approx(3.0)
    (run,) = store.samples(number)
    np.testing.assert_array_equal(run.values, recorded.values)
    np.testing.assert_allclose(run.times, recorded.times - recorded.times[0], atol=1e-9)
    assert not run.gap


def test_a_gap_cuts_the_signal_and_is_counted(store: Store) -> None:
    blocks = [
        signal(1.0, gap=True),
        signal(1.0, begin=1001.0),
        signal(1.0, begin=1005.0, gap=True),
    ]
    take = store.add(take_of(), blocks)
    runs = store.samples(take.id)
    assert [(len(run), run.gap) for run in runs] == [(100, False), (50, True)]
    assert take.gaps == 1
    assert take.seconds == pytest.approx(6.0)


def test_takes_are_found_by_what_is_known_of_them(store: Store) -> None:
    other = store.new_session("after lunch")
    a = store.add(take_of("walking", position="wrist"), [signal()]).id
    b = store.add(take_of("sitting", session=other, split="test"), [signal()]).id
    c = store.add(take_of("walking", start=START + timedelta(hours=1)), [signal()]).id
    store.delete([c])

    def numbers(**conditions: object) -> list[int]:
        return [take.id for take in store.takes(**conditions)]  # type: ignore[arg-type]

    assert numbers() == [a, b]
    assert numbers(label="walking") == [a]
    assert numbers(position="wrist") == [a]
    assert numbers(session=other) == [b]
    assert numbers(split="test") == [b]
    assert numbers(since=START + timedelta(seconds=1), deleted=None) == [c]
    assert numbers(until=START + timedelta(seconds=1), deleted=None) == [a, b]
    assert numbers(deleted=True) == [c]
    assert numbers(label="walking", split="test") == []


def test_numbers_are_never_used_again(store: Store) -> None:
    first = store.add(take_of(), [signal()]).id
    store.delete([first])
    store.purge()
    assert store.add(take_of(), [signal()]).id > first


def test_a_take_that_is_not_there_is_named(store: Store) -> None:
    for attempt in (
        store.take,
        store.samples,
        lambda n: store.delete([n]),
        lambda n: store.relabel([n], "x"),
        lambda n: store.purge([n]),
    ):
        with pytest.raises(TakeNotFound, match="no take 99"):
            attempt(99)


def test_a_take_needs_samples_and_a_session_that_exists(store: Store) -> None:
    with pytest.raises(StoreError, match="no session 5"):
        store.add(take_of(session=5), [signal()])
    with pytest.raises(StoreError, match="no session 5"):
        store.begin(take_of(session=5))
    with pytest.raises(ValueError, match="at least one sample"):
        store.add(take_of(), [])
    assert store.takes(deleted=None) == []


# --- changing -------------------------------------------------------------------------------


def test_relabelling_changes_label_and_position_only(store: Store) -> None:
    number = store.add(take_of("walking"), [signal()]).id
    before = store.take(number)
    assert store.relabel([number], "running", "ankle").takes == (number,)
    after = store.take(number)
    assert (after.label, after.position) == ("running", "ankle")
    assert after.digest == before.digest


def test_a_label_that_cannot_be_changes_nothing(store: Store) -> None:
    a, b = (store.add(take_of(), [signal()]).id for _ in range(2))
    with pytest.raises(UsageError, match="label"):
        store.relabel([a, b], "x" * 60)
    with pytest.raises(TakeNotFound):
        store.relabel([a, 99], "running")
    assert {take.label for take in store.takes()} == {"walking"}


def test_trimming_hides_the_ends_and_keeps_them(store: Store) -> None:
    number = store.add(take_of(), [signal(5.0)]).id
    store.trim(number, 1.0, 3.5)
    (run,) = store.samples(number)
    assert len(run) == 125
    assert run.times[0] == pytest.approx(1.0)
    assert store.take(number).used_seconds == 2.5
    assert sum(map(len, store.samples(number, whole=True))) == 250
    store.trim(number)
    assert not store.take(number).trimmed


def test_a_file_that_has_become_empty_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "takes.db"
    Store(path, ROOMY).close()
    Store(path, ROOMY).close()
    assert not caplog.records
    path.write_bytes(b"")
    Store(path, ROOMY).close()
    assert "the file is empty; a new store is made in it" in caplog.text


def test_a_run_that_is_trimmed_away_leaves_no_empty_one(store: Store) -> None:
    blocks = [signal(1.0), signal(1.0, begin=1003.0, gap=True)]
    number = store.add(take_of(), blocks).id
    store.trim(number, keep_from=2.0)
    assert [len(run) for run in store.samples(number)] == [50]


def test_nothing_can_be_trimmed_to_nothing(store: Store) -> None:
    number = store.add(take_of(), [signal(2.0)]).id
    for keep_from, keep_to in ((2.0, None), (1.0, 1.0), (-1.0, None)):
        with pytest.raises(UsageError):
            store.trim(number, keep_from, keep_to)
    assert store.take(number).used_seconds == pytest.approx(2.0)


def test_undo_goes_back_action_by_action_and_redo_forward(store: Store) -> None:
    number = store.add(take_of("walking"), [signal(4.0)]).id
    store.relabel([number], "running")
    store.trim(number, keep_to=2.0)
    store.delete([number])

    kinds = []
    while action := store.undo():
        kinds.append(action.kind)
    assert kinds == ["delete", "trim", "relabel", "add"]
    take = store.take(number)
    assert (take.label, take.keep_to) == ("walking", None)
    assert take.deleted is not None

    kinds = []
    while action := store.redo():
        kinds.append(action.kind)
    assert kinds == ["add", "relabel", "trim", "delete"]
    take = store.take(number)
    assert (take.label, take.keep_to) == ("running", 2.0)
    assert take.deleted is not None


def test_a_new_action_ends_what_could_be_redone(store: Store) -> None:
    number = store.add(take_of(), [signal()]).id
    store.relabel([number], "running")
    store.undo()
    store.delete([number])
    assert store.redo() is None


def test_what_changes_nothing_is_no_action(store: Store) -> None:
    number = store.add(take_of("walking"), [signal()]).id
    assert store.relabel([number], "walking").takes == ()
    assert store.restore([number]).takes == ()
    undone = store.undo()
    assert undone is not None
    assert undone.kind == "add"


def test_one_undo_takes_back_what_one_command_did_to_many(store: Store) -> None:
    numbers = [store.add(take_of(), [signal(seed=i)]).id for i in range(3)]
    store.delete(numbers[:2])
    store.restore(numbers)
    undone = store.undo()
    assert undone is not None
    assert undone.takes == tuple(numbers[:2])
    assert [take.id for take in store.takes()] == numbers[2:]


def test_undoing_whole_drops_the_last_take_whatever_was_done_since(store: Store) -> None:
    first, last = (store.add(take_of(), [signal(seed=i)]).id for i in range(2))
    store.relabel([first], "running")
    dropped = store.undo(whole=True)
    assert dropped is not None
    assert dropped.takes == (last,)
    assert [take.label for take in store.takes()] == ["running"]
    store.undo()
    assert [take.id for take in store.takes()] == [first, last]


def test_an_empty_store_has_nothing_to_undo(store: Store) -> None:
    assert store.undo() is None
    assert store.undo(whole=True) is None
    assert store.redo() is None
    assert store.purge() == ()


def test_only_deleted_takes_are_purged_and_all_or_none(store: Store) -> None:
    a, b = (store.add(take_of(), [signal(seed=i)]).id for i in range(2))
    store.delete([a])
    with pytest.raises(UsageError, match=f"take {b} is not deleted"):
        store.purge([a, b])
    assert store.purge([a]) == (a,)
    with pytest.raises(TakeNotFound):
        store.take(a)
    assert [take.id for take in store.takes(deleted=None)] == [b]
    undone = store.undo()
    assert undone is not None
    assert undone.takes == (b,)


def test_what_is_purged_is_not_in_the_file_any_more(store: Store) -> None:
    take = take_of("a secret habit", note="nobody should know")
    number = store.add(take, [signal(2.0)]).id
    kept = store.add(take_of(), [signal(2.0, seed=1)]).id
    data = counts_of_chip(100) * np.repeat([4096.0, 32.8], 3)
    sample = np.rint(data[50:60]).astype("<i2").tobytes()

    def on_the_disk() -> bytes:
        return b"".join(path.read_bytes() for path in store.path.parent.glob("*.db*"))

    traces = (b"a secret habit", b"nobody should know", sample)
    assert all(trace in on_the_disk() for trace in traces)
    store.delete([number])
    store.purge()
    assert [trace for trace in traces if trace in on_the_disk()] == []
    assert store.samples(kept)


def test_purging_gives_the_room_back_to_the_disk(store: Store) -> None:
    number = store.add(take_of(), [signal(600.0)]).id
    full = store.room().used
    store.delete([number])
    assert store.room().used >= full
    store.purge()
    assert store.room().used < full / 4
    assert store.path.stat().st_size < full / 4


# --- the tables themselves ------------------------------------------------------------------


def test_the_tables_refuse_what_must_never_be(store: Store) -> None:
    number = store.add(take_of(split="test"), [signal()]).id
    other = sqlite3.connect(store.path, isolation_level=None)
    for statement, reason in (
        ("UPDATE take SET split = 'train'", "keeps its split"),
        ("UPDATE take SET split = 'both'", "keeps its split"),
        ("DELETE FROM take", "only a deleted take"),
        ("UPDATE chunk SET data = zeroblob(length(data))", "never change"),
        (
            """INSERT INTO chunk SELECT take, 99, count, first, last, gap, accel_lsb,
            gyro_lsb, data FROM chunk LIMIT 1""",
            "gets no more samples",
        ),
        (
            """INSERT INTO take SELECT NULL, session, label, position, 'both', state, start,
            rate, device, flags, note, count, seconds, gaps, digest, deleted, keep_from,
            keep_to FROM take""",
            "CHECK constraint failed",
        ),
    ):
        with pytest.raises(sqlite3.IntegrityError, match=reason):
            other.execute(statement)
    other.close()
    assert store.take(number).split == "test"
    assert store.damage() == []


def test_samples_that_rotted_on_the_card_are_noticed(store: Store) -> None:
    good, bad = (store.add(take_of(), [signal(seed=i)]).id for i in range(2))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("DROP TRIGGER chunk_never_changes")
    other.execute("UPDATE chunk SET data = zeroblob(length(data)) WHERE take = ?", (bad,))
    other.close()
    with pytest.raises(StoreError, match=f"take {bad} is damaged"):
        store.samples(bad)
    assert len(store.samples(good)) == 1
    (line,) = store.damage()
    assert f"take {bad}" in line


@pytest.mark.parametrize("rotten", ["NULL", "'text'", "x'00'"])
def test_a_row_that_is_no_chunk_any_more_is_a_damaged_take(store: Store, rotten: str) -> None:
    good, bad = (store.add(take_of(), [signal(seed=i)]).id for i in range(2))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("DROP TRIGGER chunk_never_changes")
    other.execute("PRAGMA writable_schema = ON")
    other.execute("PRAGMA ignore_check_constraints = ON")
    other.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, 'data BLOB NOT NULL', 'data')"
        " WHERE name = 'chunk'"
    )
    other.close()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("PRAGMA ignore_check_constraints = ON")
    other.execute(f"UPDATE chunk SET data = {rotten} WHERE take = ?", (bad,))
    other.close()
    with pytest.raises(StoreError, match=f"take {bad} is damaged"):
        store.samples(bad)
    assert len(store.samples(good)) == 1


# --- many at once ---------------------------------------------------------------------------


def test_threads_share_one_store(store: Store) -> None:
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for i in range(10):
                number = store.add(take_of(), [signal(0.5, seed=100 * seed + i)]).id
                (run,) = store.samples(number)
                expected = signal(0.5, seed=100 * seed + i).values
                np.testing.assert_array_equal(run.values, expected)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.takes()) == 40


def test_a_reader_looks_on_while_a_take_is_recorded(store: Store) -> None:
    store.add(take_of(), [signal()])
    writer = store.begin(take_of("running"))
    writer.append(signal(2.0))
    with Store(store.path, read_only=True) as reader:
        assert [take.label for take in reader.takes()] == ["walking"]
        assert reader.take(writer.take.id).state == "recording"
        writer.finish()
        assert [take.label for take in reader.takes()] == ["walking", "running"]
        with pytest.raises(StoreError, match="reading only"):
            reader.delete([1])


def test_a_second_writer_works_beside_the_one_that_records(store: Store) -> None:
    kept = store.add(take_of(), [signal()]).id
    writer = store.begin(take_of("running"))
    writer.append(signal(2.0))
    with Store(store.path, ROOMY) as second:
        second.relabel([kept], "sitting")
        with pytest.raises(StoreError, match="another take is being recorded"):
            second.begin(take_of())
        with pytest.raises(UsageError, match="still being written"):
            second.delete([writer.take.id])
    taken = writer.finish()
    assert taken is not None
    assert taken.flags == ()
    assert [take.label for take in store.takes()] == ["sitting", "running"]


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "takes.db", ROOMY)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.takes()


def test_a_take_is_read_piece_by_piece_as_it_is_read_whole(store: Store) -> None:
    runs = [signal(30.0), signal(25.0, seed=1, begin=1100.0, gap=True)]
    number = store.add(take_of(), runs).id
    store.trim(number, 1.0, 110.0)
    blocks = list(store.stream(number))
    whole = store.samples(number)
    assert len(blocks) >= len(whole) == 2
    assert [run.gap for run in whole] == [False, True]
    np.testing.assert_array_equal(
        np.concatenate([block.values for block in blocks]),
        np.concatenate([run.values for run in whole]),
    )


def test_the_newest_takes_come_first_and_only_as_many_as_are_asked_for(store: Store) -> None:
    for number in range(230):
        store.add(take_of("walking" if number % 2 else "sitting"), [signal(0.1)])
    store.delete([230])
    assert [take.id for take in islice(store.newest(), 3)] == [229, 228, 227]
    assert [take.id for take in store.newest(label="walking")] == list(range(228, 0, -2))
    assert store.amounts("train") == {
        "sitting": (115, pytest.approx(11.5, rel=0.05)),
        "walking": (114, pytest.approx(11.4, rel=0.05)),
    }
