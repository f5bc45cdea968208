"""Whatever is done in whatever order: nothing is lost until purged, and undo is the inverse."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harpi.store.store import Store
from harpi.store.takes import Split
from tests.support.takes import ROOMY, signal, take_of

LABELS = st.sampled_from(["walking", "sitting", "standing"])


@dataclass(frozen=True)
class Known:
    """What must be true of a take."""

    label: str
    split: Split
    deleted: bool = False
    keep_to: float | None = None


State = dict[int, Known]


class StoreMachine(RuleBasedStateMachine):
    """A store beside a plain dictionary with a list of its earlier states."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "takes.db"
        self.store = Store(self.path, ROOMY)
        self.session = self.store.new_session()
        self.now: State = {}
        self.past: list[State] = []
        self.future: list[State] = []

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def became(self, state: State) -> None:
        if state != self.now:
            self.past.append(self.now)
            self.now, self.future = state, []

    def changed(self, numbers: list[int], **fields: Any) -> State:
        changed = {n: Known(**{**self.now[n].__dict__, **fields}) for n in numbers}
        return {**self.now, **changed}

    def some(self, data: st.DataObject) -> list[int]:
        return data.draw(st.lists(st.sampled_from(sorted(self.now)), unique=True, max_size=3))

    @rule(label=LABELS, split=st.sampled_from(["train", "test"]), streamed=st.booleans())
    def record(self, label: str, split: Split, streamed: bool) -> None:
        seed = len(self.past) + len(self.now)
        take = take_of(label, self.session, split=split, note=str(seed))
        if streamed:
            writer = self.store.begin(take)
            writer.append(signal(1.2, seed=seed))
            kept = writer.finish()
            assert kept is not None
        else:
            kept = self.store.add(take, [signal(1.2, seed=seed)])
        self.became({**self.now, kept.id: Known(label, split)})

    @rule(splits=st.dictionaries(st.integers(1000, 1005), st.sampled_from(["train", "test"])))
    def bring_in(self, splits: dict[int, Split]) -> None:
        new: list[Split] = []
        there = {take.note for take in self.store.takes(deleted=None)}
        with self.store.stage() as staging:
            for seed, split in splits.items():
                take = take_of("sitting", self.session, split=split, note=str(seed))
                is_new = staging.add(take, [signal(1.2, seed=seed)])
                assert is_new == (str(seed) not in there)
                new += [split] if is_new else []
            added = self.store.keep_staged(staging.written()).takes
        self.became(
            {**self.now, **{n: Known("sitting", s) for n, s in zip(added, new, strict=True)}}
        )

    @rule(splits=st.lists(st.sampled_from(["train", "test"]), max_size=3))
    def begin_to_bring_in_and_give_up(self, splits: list[Split]) -> None:
        with self.store.stage() as staging:
            for split in splits:
                staging.add(take_of(session=self.session, split=split), [signal(1.2)])

    @precondition(lambda self: self.now)
    @rule(data=st.data(), label=LABELS)
    def relabel(self, data: st.DataObject, label: str) -> None:
        numbers = self.some(data)
        self.store.relabel(numbers, label)
        self.became(self.changed(numbers, label=label))

    @precondition(lambda self: self.now)
    @rule(data=st.data(), keep_to=st.sampled_from([None, 0.5, 1.0]))
    def trim(self, data: st.DataObject, keep_to: float | None) -> None:
        for number in self.some(data)[:1]:
            self.store.trim(number, keep_to=keep_to)
            self.became(self.changed([number], keep_to=keep_to))

    @precondition(lambda self: self.now)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        numbers = self.some(data)
        self.store.delete(numbers)
        self.became(self.changed(numbers, deleted=True))

    @precondition(lambda self: self.now)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        numbers = self.some(data)
        self.store.restore(numbers)
        self.became(self.changed(numbers, deleted=False))

    @rule()
    def undo(self) -> None:
        undone = self.store.undo()
        if not self.past:
            assert undone is None
            return
        before = self.past.pop()
        self.future.append(self.now)
        # A take that was added in what is undone stays, deleted: nothing is lost.
        new = {n: Known(**{**k.__dict__, "deleted": True}) for n, k in self.now.items()}
        self.now = {**{n: k for n, k in new.items() if n not in before}, **before}

    @rule()
    def redo(self) -> None:
        redone = self.store.redo()
        if not self.future:
            assert redone is None
            return
        self.past.append({n: k for n, k in self.now.items() if n in self.future[-1]})
        self.now = {**self.now, **self.future.pop()}

    @rule()
    def purge(self) -> None:
        gone = {n for n, known in self.now.items() if known.deleted}
        assert set(self.store.purge()) == gone

        def without(state: State) -> State:
            return {n: known for n, known in state.items() if n not in gone}

        self.now = without(self.now)
        # An action all of whose takes are gone is forgotten with them.
        self.past = _steps([without(state) for state in (*self.past, self.now)])[:-1]
        self.future = _steps([self.now, *map(without, reversed(self.future))])[:0:-1]

    @rule()
    def close_and_open(self) -> None:
        self.store.close()
        self.store = Store(self.path, ROOMY)

    @invariant()
    def the_store_holds_what_it_must(self) -> None:
        takes = self.store.takes(deleted=None)
        assert {
            t.id: Known(t.label, t.split, t.deleted is not None, t.keep_to) for t in takes
        } == self.now
        for take in takes:
            (run,) = self.store.samples(take.id, whole=True)
            np.testing.assert_array_equal(
                run.values, signal(1.2, seed=int(take.note or 0)).values
            )


def _steps(states: list[State]) -> list[State]:
    return [s for s, before in zip(states, [None, *states[:-1]], strict=True) if s != before]


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
