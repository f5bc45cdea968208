from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.names import ANSWER
from harpi.recognition.answer import Answerer, Evidence, TakeEvidence
from harpi.types import Prediction, Window

HOP = 0.64
LENGTH = 2.52
BASE = ("walking", "sitting", "running")
UP = np.array([0.0, 0.0, 1.0])


def window(number: int = 0, up: np.ndarray = UP, shift: float = 0.0) -> Window:
    values = np.zeros((64, 6), np.float32)
    values[:, :3] = up
    begin = number * HOP + shift
    return Window(values, begin, begin + LENGTH)


def says(model: str, labels: tuple[str, ...], *shares: float, **more: object) -> Prediction:
    array = np.array(shares, np.float32)
    return Prediction(model, labels, array / array.sum(), **more)  # type: ignore[arg-type]


def all_say(best: str, labels: tuple[str, ...], *, sure: float = 0.9) -> dict[str, Prediction]:
    """All three know `labels` and name one of them."""
    shares = [sure if label == best else (1 - sure) / (len(labels) - 1) for label in labels]
    return {
        "knn": says("knn", labels, *shares),
        "generic": says("generic", labels, *shares),
        "personal": says("personal", labels, *shares, distance=1.0),
    }


def take(
    label: str,
    windows: float = 10.0,
    right: float | None = 0.9,
    *,
    up: np.ndarray = UP,
    said: Mapping[str, float] | None = None,
) -> TakeEvidence:
    """A take in which generic says `said`; else that it is what it is, where it knows that."""
    said = {label: 1.0} if said is None else said
    shares = np.array([said.get(name, 0.0) for name in BASE], np.float32)
    return TakeEvidence(label, windows, right, up, BASE, shares)


def taught(*labels: str, windows: float = 10.0, right: float | None = 0.9) -> Evidence:
    return Evidence.of(take(label, windows, right) for label in labels)


def answerer(evidence: Evidence) -> Answerer:
    made = Answerer()
    made.evidence = evidence
    return made


def test_nothing_known_nothing_answered() -> None:
    nothing = {name: Prediction.untrained(name) for name in ("knn", "generic", "personal")}

    for said in (nothing, {}):
        answer = Answerer().answer(window(), said)
        assert (answer.model, answer.answer, answer.unknown) == (ANSWER, None, False)


def test_before_anything_is_taught_generic_and_knn_answer() -> None:
    said = all_say("running", BASE)
    del said["personal"]

    answer = Answerer().answer(window(), said)

    assert answer.answer == "running"
    assert set(answer.labels) == set(BASE)


def test_only_knn_is_enough() -> None:
    answer = answerer(taught("rowing")).answer(window(), {"knn": says("knn", ("rowing",), 1)})

    assert (answer.answer, answer.confidence) == ("rowing", 1)


def test_once_a_head_is_trained_only_what_was_taught_is_answered() -> None:
    said = all_say("walking", ("walking", "sitting"))
    said["generic"] = says("generic", BASE, 0.1, 0.1, 0.8)

    answer = answerer(taught("walking", "sitting")).answer(window(), said)

    assert answer.labels == ("walking", "sitting")


def test_a_take_that_the_head_has_not_learnt_yet_is_answered_by_knn() -> None:
    said = all_say("walking", ("walking", "sitting"))
    labels = ("walking", "sitting", "rowing")
    said["knn"] = says("knn", labels, 0.02, 0.02, 0.96)
    said["generic"] = says("generic", BASE, 1, 1, 1)

    answer = answerer(taught(*labels)).answer(window(), said)

    assert answer.best == "rowing"


def test_a_model_that_knew_nothing_of_the_takes_has_no_say() -> None:
    said = all_say("walking", BASE)
    said["generic"] = says("generic", BASE, 0.001, 0.998, 0.001)

    trusted = answerer(taught(*BASE, right=1.0)).answer(window(), said)
    mistrusted = answerer(taught(*BASE, right=0.0)).answer(window(), said)

    place = trusted.labels.index("sitting")
    assert mistrusted.best == "walking"
    assert trusted.probabilities[place] > 5 * mistrusted.probabilities[place]


def test_personal_gains_weight_with_what_was_taught() -> None:
    said = all_say("walking", BASE)
    said["personal"] = says("personal", BASE, 0.01, 0.98, 0.01, distance=1.0)

    few = answerer(taught(*BASE, windows=1)).answer(window(), said)
    many = answerer(taught(*BASE, windows=20)).answer(window(), said)

    place = few.labels.index("sitting")
    assert many.probabilities[place] > few.probabilities[place]


def test_a_turned_strap_silences_knn() -> None:
    said = all_say("walking", BASE)
    said["knn"] = says("knn", BASE, 0.001, 0.998, 0.001)
    said["generic"] = says("generic", BASE, 1, 1, 1)
    upright, turned = answerer(taught(*BASE)), answerer(taught(*BASE))
    for number in range(200):
        as_worn = upright.answer(window(number), said)
        now = turned.answer(window(number, np.array([1.0, 0, 0])), said)

    assert now.best == "walking"
    assert now.confidence > as_worn.probabilities[as_worn.labels.index("walking")]


def test_one_window_does_not_change_the_answer_several_do() -> None:
    one = answerer(taught(*BASE))
    for number in range(20):
        one.answer(window(number), all_say("walking", BASE))

    doubtful = all_say("sitting", BASE, sure=0.6)
    answers = [one.answer(window(20 + i), doubtful).best for i in range(12)]

    assert answers[0] == "walking"
    assert answers[-1] == "sitting"
    assert sum(a != b for a, b in pairwise(answers)) == 1


def test_a_gap_begins_anew() -> None:
    one, fresh = answerer(taught(*BASE)), answerer(taught(*BASE))
    for number in range(20):
        one.answer(window(number), all_say("walking", BASE))
    doubtful = all_say("sitting", BASE, sure=0.6)

    after = one.answer(window(20, shift=60), doubtful)

    expected = fresh.answer(window(0), doubtful)
    np.testing.assert_array_equal(after.probabilities, expected.probabilities)


def test_time_that_runs_backwards_begins_anew() -> None:
    one = answerer(taught(*BASE))
    one.answer(window(20), all_say("walking", BASE))

    assert one.answer(window(0), all_say("sitting", BASE, sure=0.6)).best == "sitting"


def test_what_is_far_from_everything_taught_is_unknown_until_it_is_near_again() -> None:
    one = answerer(taught(*BASE))
    near = all_say("walking", BASE)
    far = {**near, "personal": replace(near["personal"], distance=20.0)}

    def unknown(said: dict[str, Prediction], first: int) -> list[bool]:
        return [one.answer(window(first + i), said).unknown for i in range(12)]

    assert not any(unknown(near, 0))
    assert unknown(far, 12)[-1]
    assert not unknown(near, 24)[-1]


def test_what_generic_knows_and_nobody_taught_is_unknown() -> None:
    one = answerer(taught("walking", "sitting"))
    said = all_say("walking", ("walking", "sitting"))
    said["personal"] = says("personal", ("walking", "sitting"), 1, 1, distance=1.5)
    said["generic"] = says("generic", BASE, 0.005, 0.005, 0.99)
    said["knn"] = says("knn", BASE, 0.05, 0.05, 0.9)

    answers = [one.answer(window(i), said) for i in range(10)]

    assert answers[-1].unknown
    assert answers[-1].answer is None


@pytest.mark.parametrize("label", ["walking", "marching"])
def test_what_generic_called_something_else_in_the_takes_too_is_known(label: str) -> None:
    """It is wrong about this wearer, or has another name for what was taught."""
    own = (label, "sitting")
    said = all_say(label, own)
    said["generic"] = says("generic", BASE, 0.005, 0.005, 0.99)
    right = 0.0 if label in BASE else None
    taken = take(label, right=right, said={"running": 0.9, "walking": 0.1})
    one = answerer(Evidence.of([taken, take("sitting")]))

    assert not any(one.answer(window(i), said).unknown for i in range(50))


def test_what_generic_says_in_takes_of_one_activity_excuses_no_other() -> None:
    """Running was said in takes of marching; it is said now, of what looks like sitting."""
    own = ("marching", "sitting")
    said = all_say("sitting", own)
    said["personal"] = replace(said["personal"], distance=1.5)
    said["generic"] = says("generic", BASE, 0.005, 0.005, 0.99)
    said["knn"] = says("knn", (*own, "running"), 0.05, 0.05, 0.9)
    takes = [take("marching", right=None, said={"running": 1.0}), take("sitting")]
    one = answerer(Evidence.of(takes))

    assert [one.answer(window(i), said).unknown for i in range(10)][-1]


def test_without_a_head_it_is_unknown_where_generic_or_knn_keep_saying_so() -> None:
    said = all_say("walking", BASE)
    del said["personal"]
    said["generic"] = replace(said["generic"], unknown=True)
    one = Answerer()

    answers = [one.answer(window(i), said).unknown for i in range(10)]

    assert answers[-1]


def test_generic_is_trusted_by_what_it_called_right() -> None:
    def trust(right: float | None, windows: float) -> float:
        return taught("walking", windows=windows, right=right).trust

    assert trust(1.0, 20) > trust(1.0, 1) > trust(0.0, 1) > trust(0.0, 20)
    assert trust(None, 5) == 0
    assert 0 < Evidence().trust < 1


def test_takes_of_a_label_count_together() -> None:
    evidence = Evidence.of(
        [
            take("walking", 6, 1.0),
            take("walking", 2, 0.0, up=-UP, said={"sitting": 1.0}),
            take("rowing", 4, None, said={}),
        ]
    )

    assert evidence.labels == ("walking", "rowing")
    assert evidence.windows == 6
    assert evidence.accuracy == 0.75
    assert evidence.tilt("walking", -UP) == pytest.approx(0)
    assert evidence.tilt("rowing", -UP) == pytest.approx(180)
    assert evidence.tilt("sitting", UP) is None
    assert evidence.said["walking"] == {"walking": 0.75, "sitting": 0.25, "running": 0.0}


LABELS = ("a", "b", "c", "d")
shares = st.lists(st.floats(0, 1), min_size=4, max_size=4).map(
    lambda found: np.array(found) + 1e-6
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Evidence, list[tuple[Window, dict[str, Prediction]]]]:
    """Whatever the models may say, over a few windows, some of them after a gap."""
    known = draw(st.lists(st.sampled_from(LABELS), unique=True))
    evidence = Evidence.of(
        take(
            label,
            draw(st.floats(0.5, 50)),
            draw(st.none() | st.floats(0, 1)),
            up=draw(st.sampled_from([UP, -UP, np.zeros(3)])),
            said=draw(st.dictionaries(st.sampled_from(BASE), st.floats(0, 1))),
        )
        for label in known
    )
    kinds = draw(st.lists(st.sampled_from(["knn", "generic", "personal"]), unique=True))
    width = {kind: draw(st.integers(1, 4)) for kind in kinds}
    steps = []
    for number in range(draw(st.integers(1, 6))):
        said = {
            kind: says(
                kind,
                LABELS[: width[kind]],
                *draw(shares)[: width[kind]],
                unknown=draw(st.booleans()),
                distance=draw(st.none() | st.floats(0, 1e6)),
            )
            for kind in kinds
        }
        up = draw(st.sampled_from([UP, -UP, np.zeros(3)]))
        steps.append((window(number, up, shift=draw(st.sampled_from([0, 0, 0, 100]))), said))
    return evidence, steps


@given(streams())
def test_probabilities_are_probabilities_whatever_the_models_say(
    drawn: tuple[Evidence, list[tuple[Window, dict[str, Prediction]]]],
) -> None:
    evidence, steps = drawn
    one = answerer(evidence)

    for at, said in steps:
        answer = one.answer(at, said)
        assert np.isfinite(answer.probabilities).all()
        assert (answer.probabilities >= 0).all()
        assert len(answer.probabilities) == len(answer.labels)
        if answer.labels:
            assert answer.probabilities.sum() == pytest.approx(1, abs=1e-5)


@given(streams(), st.permutations(LABELS))
def test_the_order_of_labels_does_not_matter(
    drawn: tuple[Evidence, list[tuple[Window, dict[str, Prediction]]]], order: list[str]
) -> None:
    evidence, steps = drawn
    one, other = answerer(evidence), answerer(evidence)

    for at, said in steps:
        shuffled = {name: _in_order(prediction, order) for name, prediction in said.items()}
        first, second = one.answer(at, said), other.answer(at, shuffled)
        expected = dict(zip(first.labels, first.probabilities, strict=True))
        assert dict(zip(second.labels, second.probabilities, strict=True)) == pytest.approx(
            expected, abs=1e-4
        )


def _in_order(said: Prediction, order: list[str]) -> Prediction:
    labels = tuple(label for label in order if label in said.labels)
    places = [said.labels.index(label) for label in labels]
    return replace(said, labels=labels, probabilities=said.probabilities[places])
