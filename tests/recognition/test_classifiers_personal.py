import threading
import time
from dataclasses import replace

import pytest

from harpi.errors import HeadMismatch
from harpi.recognition.classifiers import PersonalClassifier
from harpi.types import Prediction
from tests.support.models import tiny_base, tiny_head, tiny_mlp
from tests.support.motions import windows_of_motion

WINDOWS = windows_of_motion("still", 3, seed=8)


def test_a_new_head_takes_effect_with_the_next_window() -> None:
    personal = PersonalClassifier(tiny_base())
    assert not personal.predict(WINDOWS)[0].trained
    personal.use(tiny_head())
    assert personal.predict(WINDOWS)[0].answer == "still"
    personal.use(None)
    assert not personal.predict(WINDOWS)[0].trained
    assert personal.labels == ()


def test_a_head_of_another_base_is_refused_and_the_old_one_stays() -> None:
    personal = PersonalClassifier(tiny_base(), tiny_head())
    with pytest.raises(HeadMismatch):
        personal.use(replace(tiny_head(), base="f" * 64))
    assert personal.head is tiny_head()
    with pytest.raises(HeadMismatch):
        PersonalClassifier(tiny_mlp(), tiny_head())


def test_without_rejection_nothing_is_unknown() -> None:
    personal = PersonalClassifier(tiny_base(), replace(tiny_head(), rejection=None))
    assert not any(p.unknown for p in personal.predict(windows_of_motion("strange", 5)))


def test_heads_are_swapped_while_it_predicts() -> None:
    personal = PersonalClassifier(tiny_base(), tiny_head())
    one = tiny_head()
    order = [1, 0]
    other = replace(
        one,
        labels=("fast", "still"),
        parameters={name: array[..., order] for name, array in one.parameters.items()},
        slots={},
    )
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            personal.use(one)
            personal.use(other)

    swapper = threading.Thread(target=swap)
    swapper.start()
    judged: list[Prediction] = []
    seen: set[tuple[str, ...]] = set()
    deadline = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < deadline:
        judged += personal.predict(WINDOWS)
        seen.add(judged[-1].labels)
    done.set()
    swapper.join()
    assert seen == {one.labels, other.labels}
    assert {p.best for p in judged} == {"still"}
