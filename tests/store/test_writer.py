from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harpi.config.schema import StoreSection
from harpi.errors import StoreError, StoreFull, UsageError
from harpi.files import FileLock
from harpi.store.store import Store
from harpi.types import Samples
from tests.support.takes import ROOMY, signal, take_of


def in_blocks(samples: Samples, length: int) -> list[Samples]:
    return [
        Samples(samples.values[i : i + length], samples.times[i : i + length])
        for i in range(0, len(samples), length)
    ]


def leave_unfinished(path: Path, seconds: float) -> int:
    """Record and end without finishing, as a process does that is killed."""
    store = Store(path, ROOMY)
    store.new_session()
    writer = store.begin(take_of("running", note="hills"))
    for block in in_blocks(signal(seconds), 16):
        writer.append(block)
    writer._lock.release()  # the kernel does it for the dead
    store.close()
    return writer.take.id


def test_a_take_grows_on_the_disk_while_it_is_recorded(store: Store) -> None:
    writer = store.begin(take_of())
    durable = [writer.append(block) for block in in_blocks(signal(4.0), 10)]
    assert durable == sorted(durable)
    assert durable[3] == 0
    assert durable[-1] == 200
    assert sum(map(len, store.samples(writer.take.id))) == 200
    assert store.takes() == []
    take = writer.finish(flags=("inconsistent",))
    assert take is not None
    assert store.takes() == [take]
    assert take.flags == ("inconsistent",)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lengths=st.lists(st.integers(0, 130), min_size=1, max_size=12),
    gaps=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_however_it_arrives_the_signal_is_the_same(
    store: Store, lengths: list[int], gaps: list[bool]
) -> None:
    whole = signal(sum(lengths) / 50 + 1.0)
    writer = store.begin(take_of())
    at, runs = 0, 0
    for length, gap in zip(lengths, gaps, strict=False):
        block = Samples(whole.values[at : at + length], whole.times[at : at + length], gap=gap)
        runs += length > 0 and (gap or at == 0)
        writer.append(block)
        at += length
    take = writer.finish()
    if at == 0:
        assert take is None
        return
    assert take is not None
    back = store.samples(take.id)
    assert len(back) == runs
    np.testing.assert_array_equal(
        np.concatenate([run.values for run in back]), whole.values[:at]
    )
    np.testing.assert_allclose(
        np.concatenate([run.times for run in back]), whole.times[:at] - 1000.0, atol=1e-6
    )
    assert store.damage() == []


def test_a_take_without_samples_is_none(store: Store) -> None:
    writer = store.begin(take_of())
    assert writer.finish() is None
    assert store.takes(deleted=None) == []
    assert store.undo() is None


def test_the_seconds_around_the_presses_can_be_left_unused(store: Store) -> None:
    writer = store.begin(take_of())
    writer.append(signal(4.0))
    with pytest.raises(UsageError, match="used part"):
        writer.finish(keep_from=3.0, keep_to=2.0)
    take = writer.finish(keep_from=0.5, keep_to=3.5)
    assert take is not None
    assert take.used_seconds == 3.0
    assert [len(run) for run in store.samples(take.id)] == [150]


def test_a_finished_take_gets_no_more(store: Store) -> None:
    writer = store.begin(take_of())
    writer.append(signal())
    writer.finish()
    with pytest.raises(StoreError, match="is finished"):
        writer.append(signal())
    with pytest.raises(StoreError, match="is finished"):
        writer.finish()


def test_one_take_at_a_time(store: Store) -> None:
    writer = store.begin(take_of())
    with pytest.raises(StoreError, match="another take is being recorded"):
        store.begin(take_of())
    writer.append(signal())
    writer.finish()
    second = store.begin(take_of())
    second.append(signal())
    assert second.finish() is not None


def test_values_that_are_no_numbers_are_refused_and_nothing_is_spoilt(store: Store) -> None:
    writer = store.begin(take_of())
    broken = signal()
    broken.values[3, 3] = np.inf
    with pytest.raises(ValueError, match="finite"):
        writer.append(broken)
    writer.append(signal())
    take = writer.finish()
    assert take is not None
    assert take.count == 100


def test_a_take_whose_process_died_is_kept_up_to_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "takes.db"
    number = leave_unfinished(path, 5.5)
    with Store(path, ROOMY) as store:
        take = store.take(number)
        assert (take.state, take.flags, take.note) == ("kept", ("interrupted",), "hills")
        assert take.seconds >= 4.5
        (run,) = store.samples(number)
        np.testing.assert_array_equal(run.values, signal(5.5).values[: take.count])
        undone = store.undo()
        assert undone is not None
        assert undone.takes == (number,)


def test_a_take_that_died_before_its_first_second_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "takes.db"
    leave_unfinished(path, 0.5)
    with Store(path, ROOMY) as store:
        assert store.takes(deleted=None) == []


def test_a_reader_sees_no_unfinished_take_and_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "takes.db"
    number = leave_unfinished(path, 3.0)
    with Store(path, read_only=True) as reader:
        assert reader.takes() == []
        assert reader.take(number).state == "recording"


def test_what_died_can_wait_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "takes.db"
    number = leave_unfinished(path, 3.0)

    def full(*_: object) -> None:
        raise StoreFull("the disk is full")

    monkeypatch.setattr("harpi.store.store.recover", full)
    with Store(path, ROOMY) as store:
        assert store.take(number).state == "recording"
    monkeypatch.undo()
    with Store(path, ROOMY) as store:
        assert store.take(number).flags == ("interrupted",)


def test_the_next_recording_also_clears_up(store: Store) -> None:
    writer = store.begin(take_of("running"))
    writer.append(signal(3.0))
    writer._lock.release()
    second = store.begin(take_of())
    assert [take.flags for take in store.takes()] == [("interrupted",)]
    second.append(signal())
    second.finish()
    assert [take.label for take in store.takes()] == ["running", "walking"]


def test_a_take_that_meets_the_limit_is_refused_in_words_and_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "takes.db", StoreSection(limit_mb=1, warn_mb=1, keep_free_mb=0))
    store.new_session()
    writer = store.begin(take_of())
    blocks = in_blocks(signal(3600.0), 1000)
    durable = 0
    with pytest.raises(StoreFull, match="1 MB"):  # noqa: PT012 - it comes at some block
        for block in blocks:
            durable = writer.append(block)
    with pytest.raises(StoreFull, match="1 MB"):
        writer.append(blocks[0])
    take = writer.finish()
    assert take is not None
    assert take.count >= durable > 0
    with pytest.raises(StoreFull, match="harpi takes purge"):
        store.begin(take_of())
    with pytest.raises(StoreFull, match="harpi takes purge"):
        store.add(take_of(), [signal()])
    store.delete([take.id])
    store.purge()
    assert store.add(take_of(), [signal()]).count == 100
    store.close()


def test_a_lock_is_held_by_one_and_freed_once(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.acquire()
    assert not one.acquire()
    assert not other.acquire()
    one.release()
    one.release()
    assert other.acquire()
    other.release()


def test_a_take_that_was_cut_off_and_damaged_does_not_keep_the_store_shut(
    tmp_path: Path,
) -> None:
    path = tmp_path / "takes.db"
    with Store(path, ROOMY) as store:
        number = store.add(take_of(session=store.new_session()), [signal()]).id
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA ignore_check_constraints = ON")
    other.execute("DROP TRIGGER chunk_never_changes")
    other.execute("UPDATE chunk SET data = x'00'")
    other.execute("UPDATE take SET state = 'recording'")
    other.close()
    with Store(path, ROOMY) as store:
        assert "interrupted" in store.take(number).flags
        with pytest.raises(StoreError, match=f"take {number} is damaged"):
            store.samples(number)
