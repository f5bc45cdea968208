"""harpi's contestants and the others: all learn, none looks at what else is asked."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from harpi import shipped
from harpi.learning.trainer import Trainer
from harpi.recognition.classifiers import PersonalClassifier
from harpi.recognition.head import Head
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi_models.errors import MissingLibrary
from harpi_models.metrics import macro_f1
from harpi_models.study.device import CONTESTANTS, GENERIC, Device
from harpi_models.study.lesson import Asked, Contestant, lesson_of
from harpi_models.study.peers import PEERS, require_libraries
from tests.models.study.paces import course

NEEDS_RIVER = "river's kNN"


@pytest.fixture(scope="module")
def device() -> Device:
    return Device(
        ModelFile.read(shipped.path("models/generic.tflite")),
        KnnReference.read(shipped.path("models/knn_reference.safetensors")),
    )


@pytest.fixture(
    params=[
        *CONTESTANTS,
        *(pytest.param(p, marks=[pytest.mark.models] * (p == NEEDS_RIVER)) for p in PEERS),
    ]
)
def contestant(request: pytest.FixtureRequest, device: Device) -> tuple[str, Contestant]:
    return request.param, {**device.contestants, **PEERS}[request.param]


def test_it_learns_paces(contestant: tuple[str, Contestant], device: Device) -> None:
    name, learn = contestant
    made = course()
    asked = Asked(made.asked, device.embed)
    right = macro_f1(made.truth, learn(lesson_of(made).first(5))(asked))
    assert right > (0.8 if name != GENERIC else -1)


def test_it_says_the_same_of_a_window_alone(
    contestant: tuple[str, Contestant], device: Device
) -> None:
    made = course()
    answer = contestant[1](lesson_of(made).first(5))
    together = answer(Asked(made.asked, device.embed))
    for place in (0, 9, 23):
        alone = Asked(made.asked[place : place + 1], device.embed)
        assert answer(alone)[0] == together[place]


def test_it_learns_the_same_again(contestant: tuple[str, Contestant], device: Device) -> None:
    made = course()
    asked = Asked(made.asked, device.embed)
    first = contestant[1](lesson_of(made).first(3))(asked)
    contestant[1](lesson_of(made).first(7))
    np.testing.assert_array_equal(contestant[1](lesson_of(made).first(3))(asked), first)


def test_personal_answers_as_the_recogniser_of_the_device(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[Head] = []
    train = Trainer.train

    def noted(*words: object, **more: object) -> object:
        trained = train(*words, **more)  # type: ignore[arg-type]
        heads.append(trained.head)
        return trained

    monkeypatch.setattr(Trainer, "train", noted)
    made = course()
    lesson = lesson_of(made).first(5)
    answers = device.contestants["personal"](lesson)(Asked(made.asked, device.embed))
    base = ModelFile.read(shipped.path("models/generic.tflite"))
    said = PersonalClassifier(base, heads[0]).predict(made.asked)
    assert [one.best for one in said] == [lesson.labels[code] for code in answers]
    assert [take.label for take in heads[0].takes] == ["walking", "jumping", "rowing"]


def test_takes_are_the_stretches_of_a_label(device: Device) -> None:
    lesson = lesson_of(course()).first(12)
    prepared = device._prepared(lesson)
    assert [len(part.features) for part in prepared.parts] == [10, 2] * 3
    assert [part.take.label for part in prepared.parts] == [
        *["walking"] * 2,
        *["jumping"] * 2,
        *["rowing"] * 2,
    ]


def test_a_library_that_is_missing_is_said_before_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "river", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "river" else 1)
    with pytest.raises(MissingLibrary, match=r"river is not installed.*harpi\[models\]"):
        require_libraries()
