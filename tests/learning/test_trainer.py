from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harpi.commands import Progress
from harpi.config.schema import LearningSection
from harpi.errors import UsageError
from harpi.learning.trainer import Trainer
from harpi.learning.training_set import Preparation, TakeFeatures
from harpi.recognition.head import Head
from harpi.recognition.model_file import ModelFile
from harpi.signal.features import FEATURES_VERSION
from tests.support.models import tiny_base, tiny_mlp
from tests.support.recorded import Recorded

HOP = 16


def trainer_of(base: ModelFile | None = None, **settings: object) -> Trainer:
    learning = LearningSection(epochs=30, patience=5, learning_rate=0.02)
    return Trainer(
        base or tiny_base(),
        LearningSection(**{**_as_dict(learning), **settings}),  # type: ignore[arg-type]
        unknown_rate=0.05,
        gap=3,
        seconds_per_window=0.64,
    )


def _as_dict(settings: LearningSection) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


def parts_of(source: Recorded, base: ModelFile | None = None) -> list[TakeFeatures]:
    preparation = Preparation(base or tiny_base(), hop=HOP, copies=2, degrees=10, seed=1)
    return [
        preparation.features(take, preparation.windows(take, source.samples(take.id)))
        for take in source.takes()
    ]


@pytest.fixture
def source() -> Recorded:
    source = Recorded()
    for label in ("still", "slow", "fast"):
        source.add(label)
    return source


def ignore(_: Progress) -> None:
    pass


@pytest.mark.parametrize("head", ["auto", "closed_form", "gradient"])
def test_a_head_carries_what_it_learnt_and_how_good_it_is(source: Recorded, head: str) -> None:
    trained = trainer_of(head=head).train(parts_of(source), None, ignore)

    made = trained.head
    made.check(tiny_base())
    assert trained.better
    assert made.labels == ("still", "slow", "fast")
    assert [(take.number, take.label, take.whole) for take in made.takes] == [
        (1, "still", False),
        (2, "slow", False),
        (3, "fast", False),
    ]
    assert made.figures["accuracy"] > 0.9
    assert made.figures["windows"] == 3 * ((300 - 64) // HOP + 1)
    assert made.rejection is not None
    assert np.isfinite(made.rejection.threshold)
    if head != "auto":
        assert (made.step > 0) == (head == "gradient")


def test_a_base_with_hidden_layers_has_no_closed_form(source: Recorded) -> None:
    trained = trainer_of(tiny_mlp(), head="auto").train(
        parts_of(source, tiny_mlp()), None, ignore
    )

    assert trained.fitted.method == "gradient"
    with pytest.raises(UsageError, match="no closed form"):
        trainer_of(tiny_mlp(), head="closed_form")


def test_a_label_with_too_few_windows_is_left_out_and_asked_for(source: Recorded) -> None:
    source.add("jumping", seconds=2.6, kind="fast")

    trained = trainer_of(minimum_windows=5).train(parts_of(source), None, ignore)

    assert trained.head.labels == ("still", "slow", "fast")
    assert trained.advice[0].sentence == "jumping: 4 more windows needed (about 3 s)"


def test_one_label_is_nothing_to_learn() -> None:
    source = Recorded()
    source.add("still")
    source.add("slow", seconds=3)

    with pytest.raises(UsageError, match="slow: 4 more windows needed"):
        trainer_of(minimum_windows=5).train(parts_of(source), None, ignore)
    with pytest.raises(UsageError, match="Record another activity"):
        trainer_of().train(parts_of(source)[:1], None, ignore)


def test_second_takes_make_the_figures_honest(source: Recorded) -> None:
    for label in ("still", "slow", "fast"):
        source.add(label, session=2)

    trained = trainer_of().train(parts_of(source), None, ignore)

    assert trained.division.whole_takes
    assert all(take.whole for take in trained.head.takes)
    assert not [point for point in trained.advice if point.reason == "one_take"]
    assert trained.head.figures["sessions"] == 2


def spoilt(head: Head) -> Head:
    """The head with its answers exchanged, as if it had learnt nothing of its takes."""
    swapped = {name: np.roll(array, 1, axis=-1) for name, array in head.parameters.items()}
    return replace(head, parameters=swapped, takes=())


def test_a_new_head_replaces_a_worse_one_and_not_a_better_one(source: Recorded) -> None:
    good = trainer_of().train(parts_of(source), None, ignore)
    unlearnt = replace(good.head, takes=())
    for label in ("still", "slow", "fast"):
        source.add(label, kind="still", session=2)  # nothing can tell these apart
    parts = parts_of(source)

    against_worse = trainer_of().train(parts[:3], spoilt(good.head), ignore)
    against_better = trainer_of().train(parts, unlearnt, ignore)

    assert against_worse.comparison is not None
    assert against_worse.better
    assert against_worse.comparison.new > 0.9 > against_worse.comparison.old
    assert against_better.comparison is not None
    assert against_better.better == (
        against_better.comparison.new >= against_better.comparison.old
    )


def test_confused_labels_are_advised_to_be_recorded_again() -> None:
    source = Recorded()
    for _ in range(2):
        source.add("still")
        source.add("lying", kind="still")
        source.add("fast")

    trained = trainer_of().train(parts_of(source), None, ignore)

    assert {frozenset(point.labels) for point in trained.advice} == {
        frozenset({"still", "lying"})
    }


def test_gradient_training_goes_on_from_the_head_in_use(source: Recorded) -> None:
    trainer = trainer_of(head="gradient")
    first = trainer.train(parts_of(source), None, ignore).head

    second = trainer.train(parts_of(source), first, ignore).head

    assert second.step > first.step


def test_what_the_base_cannot_tell_apart_the_features_of_the_signal_may() -> None:
    source = Recorded()
    for seed in range(2):
        for label in ("slow", "still"):
            source.add(label, kind=label, session=seed + 1)
    parts = [deafened(part) for part in parts_of(source)]

    trained = trainer_of(head="closed_form").train(parts, None, ignore)

    assert trained.fitted.joined
    assert trained.head.joined == FEATURES_VERSION
    assert trained.head.figures["accuracy"] > 0.9
    trained.head.check(tiny_base())
    again = trainer_of(head="closed_form").train(parts, trained.head, ignore)
    assert again.comparison is not None
    assert again.comparison.old == again.comparison.new


def deafened(part: TakeFeatures) -> TakeFeatures:
    """The part with features of the base that say nothing."""
    length = tiny_base().metadata.features
    features, turned = part.features.copy(), part.turned.copy()
    features[:, :length], turned[..., :length] = 0, 0
    return replace(part, features=features, turned=turned)
