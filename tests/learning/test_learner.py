from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from harpi.commands import Progress
from harpi.config.schema import Config, LearningSection
from harpi.errors import CommandRefused, ModelError, StoreError
from harpi.learning.heads import HeadRegistry
from harpi.learning.learner import Learner
from harpi.learning.trainer import Outcome
from harpi.recognition.answer import Answerer
from harpi.recognition.classifiers import PersonalClassifier
from harpi.recognition.knn import KnnClassifier
from harpi.signal.orientation import PostureWatch, rotation_about
from harpi.types import Window
from tests.support.broker import wait_until
from tests.support.models import tiny_base
from tests.support.motions import LENGTH, RATE, windows_of_motion
from tests.support.recorded import Recorded, motion

LABELS = ("still", "slow", "fast")
PATIENCE = 30.0


class Pupil:
    """A learner with a source of takes, and what it has told."""

    def __init__(self, folder: Path, source: Recorded | StoreError, **settings: object) -> None:
        self.shelf = HeadRegistry(folder / "heads")
        self.personal = PersonalClassifier(tiny_base())
        self.knn = KnnClassifier(rate=RATE, length=LENGTH)
        self.posture = PostureWatch(seconds=3.0)
        self.answerer = Answerer()
        learning = {"epochs": 30, "patience": 5, "learning_rate": 0.02, **settings}
        self.learner = Learner(
            Config(learning=LearningSection(**learning)),  # type: ignore[arg-type]
            source,
            tiny_base(),
            self.shelf,
            self.personal,
            self.knn,
            self.posture,
            self.answerer,
        )
        self.progress: list[Progress] = []
        self.outcomes: list[Outcome] = []
        self._ended = threading.Event()

    def train(self, *labels: str) -> Outcome:
        self.begin(*labels)
        return self.end()

    def begin(
        self, *labels: str, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        self._ended.clear()
        self.learner.train(
            labels or LABELS,
            on_progress=on_progress or self.progress.append,
            on_end=self._note_end,
        )

    def end(self) -> Outcome:
        assert self._ended.wait(PATIENCE), "training does not end"
        return self.outcomes[-1]

    def says(self, motion: str) -> str | None:
        return self.personal.predict(windows_of_motion(motion, 1))[0].best

    def remembers(self, counts: dict[str, int]) -> None:
        wait_until(lambda: self.knn.counts == counts, f"the kNN remembers {counts}")

    def _note_end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._ended.set()


@pytest.fixture
def source() -> Recorded:
    source = Recorded()
    for label in LABELS:
        source.add(label)
    return source


WINDOWS = 15
"""Of a take of 12 s."""


@pytest.fixture
def pupil(tmp_path: Path, source: Recorded) -> Iterator[Pupil]:
    pupil = Pupil(tmp_path, source)
    pupil.learner.start()
    yield pupil
    pupil.learner.close()


def test_after_training_the_new_head_answers_and_is_kept(pupil: Pupil) -> None:
    assert pupil.says("fast") is None

    outcome = pupil.train()

    assert outcome.result == "taken"
    assert [pupil.says(motion) for motion in LABELS] == list(LABELS)
    assert pupil.shelf.load(tiny_base()).number == 1
    assert len(outcome.advice) == 1


def test_test_takes_are_never_learnt(pupil: Pupil, source: Recorded) -> None:
    number = source.add("slow", split="test")

    pupil.train()
    pupil.learner.takes_changed()

    head = pupil.personal.head
    assert head is not None
    assert number not in [take.number for take in head.takes]
    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))


def test_only_the_labels_asked_for_are_learnt(pupil: Pupil) -> None:
    pupil.train("still", "fast")

    assert pupil.personal.labels == ("still", "fast")


def test_the_knn_follows_the_takes_without_training(pupil: Pupil, source: Recorded) -> None:
    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))

    source.remove(1)
    source.relabel(2, "swinging")
    source.add("fast")
    pupil.learner.takes_changed()

    pupil.remembers({"fast": 2 * WINDOWS, "swinging": WINDOWS})


def test_so_does_what_the_answer_goes_by(pupil: Pupil, source: Recorded) -> None:
    wait_until(lambda: pupil.answerer.evidence.labels == LABELS, "the answer knows the takes")

    source.remove(1)
    source.relabel(2, "swinging")
    pupil.learner.takes_changed()

    wait_until(lambda: pupil.answerer.evidence.labels == ("swinging", "fast"), "it follows")
    assert pupil.answerer.evidence.windows == 1 + (WINDOWS - 1) / 4


def test_so_do_the_known_postures_of_where_it_is_worn_now(
    pupil: Pupil, source: Recorded
) -> None:
    def strange(kind: str) -> bool:
        signal = motion(kind, 10.0).reshape(-1, 50, 6)
        windows = [Window(values, 2.0 * n, 2.0 * n + 1.96) for n, values in enumerate(signal)]
        return [pupil.posture.strange(window) for window in windows][-1]

    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))
    wait_until(lambda: strange("tilted"), "the postures are known")
    assert not strange("slow")
    source.add("tilted")
    pupil.learner.takes_changed()
    wait_until(lambda: not strange("tilted"), "the new posture is known")
    source.add("still", position="left_leg")
    pupil.learner.takes_changed()
    wait_until(lambda: strange("tilted"), "what was learnt elsewhere is left out")


def test_a_head_that_is_not_in_use_can_be_discarded(pupil: Pupil) -> None:
    pupil.train()
    pupil.train()
    in_use = pupil.shelf.current
    assert in_use is not None
    (other,) = set(pupil.shelf.numbers) - {in_use}
    pupil.learner.discard(other)
    assert pupil.shelf.numbers == [in_use]
    with pytest.raises(ModelError, match="is in use"):
        pupil.learner.discard(in_use)


def test_a_new_activity_joins_the_others(pupil: Pupil, source: Recorded) -> None:
    pupil.train()
    source.add("tilted")

    outcome = pupil.train(*LABELS, "tilted")

    assert outcome.result == "taken"
    assert pupil.personal.labels == (*LABELS, "tilted")


def test_a_renamed_activity_is_renamed_in_the_head(pupil: Pupil, source: Recorded) -> None:
    pupil.train()

    source.relabel(2, "swinging")
    pupil.learner.takes_changed()

    wait_until(lambda: "swinging" in pupil.personal.labels, "the head has the new name")
    assert pupil.says("slow") == "swinging"
    assert pupil.personal.labels == ("still", "swinging", "fast")


def test_forgetting_a_label_is_immediate_for_all(pupil: Pupil, source: Recorded) -> None:
    pupil.train()
    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))

    source.remove(2)
    pupil.learner.forget("slow")

    assert pupil.knn.counts == {"still": WINDOWS, "fast": WINDOWS}
    assert pupil.personal.labels == ("still", "fast")
    assert pupil.shelf.load(tiny_base()).number == 2


def test_forgetting_everything_leaves_the_heads_on_the_shelf(
    pupil: Pupil, source: Recorded
) -> None:
    pupil.train()
    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))

    for number in (1, 2, 3):
        source.remove(number)
    pupil.learner.forget(None)

    assert pupil.knn.counts == {}
    assert pupil.says("fast") is None
    assert pupil.shelf.load(tiny_base()).head is None
    assert pupil.learner.use(None) == 1
    assert pupil.says("fast") == "fast"


def test_what_is_brought_back_after_forgetting_is_remembered_again(
    pupil: Pupil, source: Recorded
) -> None:
    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))

    pupil.learner.forget("slow")
    pupil.learner.takes_changed()  # the takes are still, or again, there

    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))


def test_going_back_to_a_head_that_is_not_there_is_refused(pupil: Pupil) -> None:
    with pytest.raises(ModelError, match="there is no head 5"):
        pupil.learner.use(5)
    with pytest.raises(ModelError, match="no head was in use before"):
        pupil.learner.use(None)


def test_training_that_is_broken_off_changes_nothing(tmp_path: Path, source: Recorded) -> None:
    pupil = Pupil(tmp_path, source, head="gradient", epochs=10_000, patience=10_000)
    pupil.learner.start()
    pupil.begin()
    wait_until(lambda: len(pupil.progress) > 3, "training goes on")

    pupil.learner.cancel()

    assert pupil.end().result == "cancelled"
    assert pupil.personal.head is None
    assert pupil.shelf.numbers == []
    pupil.learner.close()


def test_training_rests_and_goes_on(tmp_path: Path, source: Recorded) -> None:
    pupil = Pupil(tmp_path, source, head="gradient", epochs=400, patience=400)
    pupil.learner.start()
    paused = threading.Event()

    def pause_once(progress: Progress) -> None:
        pupil.progress.append(progress)
        if len(pupil.progress) == 3:
            pupil.learner.pause()
            paused.set()

    pupil.begin(on_progress=pause_once)
    assert paused.wait(PATIENCE)
    with pytest.raises(CommandRefused, match="harpi is training already"):
        pupil.begin()
    assert len(pupil.progress) == 3
    pupil.learner.resume()

    assert pupil.end().result == "taken"
    assert pupil.progress[3].epoch == 4
    pupil.learner.close()


def test_closing_breaks_training_off_even_while_it_rests(
    tmp_path: Path, source: Recorded
) -> None:
    pupil = Pupil(tmp_path, source, head="gradient", epochs=10_000, patience=10_000)
    pupil.learner.start()
    pupil.begin()
    wait_until(lambda: bool(pupil.progress), "training goes on")
    pupil.learner.pause()

    pupil.learner.close()

    assert [outcome.result for outcome in pupil.outcomes] == ["cancelled"]
    with pytest.raises(CommandRefused):
        pupil.begin()


def test_a_damaged_take_is_left_out_and_said(pupil: Pupil, source: Recorded) -> None:
    number = source.add("still")
    source.damaged.add(number)

    outcome = pupil.train()

    assert outcome.result == "taken"
    assert outcome.advice[0] == f"take {number} is damaged."
    pupil.remembers(dict.fromkeys(LABELS, WINDOWS))


def test_too_little_to_learn_fails_in_words(pupil: Pupil) -> None:
    outcome = pupil.train("still")

    assert outcome.result == "failed"
    assert "training needs 2 labels" in outcome.message
    assert pupil.train().result == "taken"


def test_without_a_store_training_says_why(tmp_path: Path) -> None:
    pupil = Pupil(tmp_path, StoreError("the store is of a newer harpi", where="takes.db"))
    pupil.learner.start()

    outcome = pupil.train()

    assert outcome.result == "failed"
    assert "newer harpi" in outcome.message
    pupil.learner.close()


def test_a_shelf_that_cannot_be_written_leaves_the_old_head(
    pupil: Pupil, monkeypatch: pytest.MonkeyPatch
) -> None:
    pupil.train("still", "fast")

    def full(*_: object, **__: object) -> int:
        raise StoreError("cannot be written (No space left on device)")

    monkeypatch.setattr(pupil.shelf, "add", full)
    outcome = pupil.train()

    assert outcome.result == "failed"
    assert "No space left" in outcome.message
    assert pupil.personal.labels == ("still", "fast")


def test_a_fault_of_a_listener_does_not_end_the_thread(
    tmp_path: Path, source: Recorded
) -> None:
    pupil = Pupil(tmp_path, source, head="gradient")
    pupil.learner.start()

    def faulty(_: Progress) -> None:
        raise RuntimeError("a fault")

    pupil.begin(*LABELS, on_progress=faulty)

    assert pupil.end().result == "failed"
    assert pupil.train().result == "taken"
    pupil.learner.close()


def test_a_turned_strap_is_said_after_training(pupil: Pupil, source: Recorded) -> None:
    quarter = rotation_about(np.array([[0.0, 1.0, 0.0]]), np.radians([90.0]))[0]
    for label in LABELS:
        source.add(label, session=2, rotation=quarter)

    outcome = pupil.train()

    assert any("turned by about 90 degrees" in sentence for sentence in outcome.advice)


@pytest.mark.parametrize("first", ["learner", "wearer"])
def test_what_is_relabelled_and_forgotten_at_once_does_not_come_back(
    first: str, pupil: Pupil, source: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    pupil.train()
    arrived, go_on = threading.Event(), threading.Event()
    original = pupil.learner._follow_names

    def cross() -> None:
        if first == "learner":
            original()
        arrived.set()
        assert go_on.wait(PATIENCE)
        original()

    monkeypatch.setattr(pupil.learner, "_follow_names", cross)
    source.relabel(2, "strolling")
    pupil.learner.takes_changed()
    assert arrived.wait(PATIENCE)

    source.remove(2)
    pupil.learner.forget("strolling")
    pupil.learner.takes_changed()
    go_on.set()

    pupil.remembers({"still": WINDOWS, "fast": WINDOWS})
    assert pupil.personal.labels == ("still", "fast")
    head = pupil.shelf.load(tiny_base()).head
    assert head is not None
    assert head.labels == ("still", "fast")


def test_a_label_that_was_given_away_is_not_forgotten_with_its_name(
    pupil: Pupil, source: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    pupil.train()
    monkeypatch.setattr(pupil.learner, "_follow_names", lambda: None)  # it is late
    source.relabel(2, "strolling")

    pupil.learner.forget("slow")

    assert pupil.personal.head is not None
    assert len(pupil.personal.labels) == len(LABELS)
