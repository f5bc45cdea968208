from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harpi.learning.heads import renamed, without
from harpi.recognition.classifiers import PersonalClassifier
from harpi.recognition.head import Head, LearntTake
from harpi.recognition.head_trainer import HeadTrainer
from harpi.recognition.model_file import ModelFile
from tests.support.models import tiny_base, tiny_head, tiny_mlp
from tests.support.motions import windows_of_motion


@pytest.fixture
def three() -> Head:
    """A head for three labels with parameters and slots of all sizes."""
    return grown(tiny_base())


def grown(base: ModelFile) -> Head:
    trainer = HeadTrainer(base)
    labels = ("still", "slow", "fast")
    rng = np.random.default_rng(0)
    state = trainer.initial(labels)
    return Head.for_base(
        base,
        labels=labels,
        parameters={
            name: rng.normal(size=array.shape).astype(np.float32)
            for name, array in state.parameters.items()
        },
        slots=state.slots,
        step=3,
        takes=tuple(LearntTake(number=i, label=label) for i, label in enumerate(labels)),
    )


def test_a_forgotten_label_is_gone_and_the_others_keep_their_odds(three: Head) -> None:
    windows = windows_of_motion("slow", 5)
    before = PersonalClassifier(tiny_base(), three).predict(windows)

    left = without(three, tiny_base().metadata.head, "slow")

    assert left is not None
    left.check(tiny_base())
    assert left.labels == ("still", "fast")
    assert [take.label for take in left.takes] == ["still", "fast"]
    for old, new in zip(
        before, PersonalClassifier(tiny_base(), left).predict(windows), strict=True
    ):
        kept = old.probabilities[[0, 2]]
        np.testing.assert_allclose(new.probabilities, kept / kept.sum(), rtol=1e-4, atol=1e-7)


def test_a_head_with_hidden_layers_forgets_too() -> None:
    left = without(grown(tiny_mlp()), tiny_mlp().metadata.head, "fast")

    assert left is not None
    left.check(tiny_mlp())


def test_what_was_familiar_of_a_forgotten_label_is_so_no_more() -> None:
    known = tiny_head().rejection
    assert known is not None
    three = replace(
        grown(tiny_base()),
        rejection=replace(
            known,
            means=np.insert(known.means, 1, 9, axis=0),
            scales=np.insert(known.scales, 1, 1, axis=0),
        ),
    )

    left = without(three, tiny_base().metadata.head, "slow")

    assert left is not None
    assert left.rejection is not None
    np.testing.assert_array_equal(left.rejection.means, known.means)
    np.testing.assert_array_equal(left.rejection.scales, known.scales)


def test_between_one_label_there_is_nothing_to_decide() -> None:
    assert without(tiny_head(), tiny_base().metadata.head, "fast") is None


def test_a_renamed_label_answers_by_its_new_name(three: Head) -> None:
    head = renamed(three, "slow", "swinging")

    assert head.labels == ("still", "swinging", "fast")
    assert [take.label for take in head.takes] == ["still", "swinging", "fast"]
    assert head.parameters is three.parameters
