import threading

import numpy as np
import pytest

from harpi.errors import ModelError
from harpi.recognition import knn as knn_module
from harpi.recognition.knn import KnnClassifier
from tests.support.models import tiny_reference
from tests.support.motions import LENGTH, RATE, windows_of_motion

MOTIONS = ("still", "slow", "fast")


def knn(**settings: object) -> KnnClassifier:
    return KnnClassifier(rate=RATE, length=LENGTH, **settings)  # type: ignore[arg-type]


def answers(recogniser: KnnClassifier, motion: str, count: int = 20) -> list[str | None]:
    return [p.answer for p in recogniser.predict(windows_of_motion(motion, count, seed=8))]


def share(recogniser: KnnClassifier, motion: str, label: str) -> float:
    given = answers(recogniser, motion)
    return given.count(label) / len(given)


def test_with_a_reference_it_answers_at_once() -> None:
    recogniser = knn(reference=tiny_reference())
    assert recogniser.labels == ("still", "slow")
    assert share(recogniser, "slow", "slow") > 0.8


def test_a_new_activity_is_known_as_soon_as_it_is_taught() -> None:
    recogniser = knn(reference=tiny_reference())
    assert share(recogniser, "fast", "fast") == 0
    recogniser.add(windows_of_motion("fast", 5), "fast")
    assert recogniser.labels == ("still", "slow", "fast")
    assert share(recogniser, "fast", "fast") == 1


def test_what_the_wearer_did_not_teach_is_still_known() -> None:
    recogniser = knn(reference=tiny_reference())
    recogniser.add(windows_of_motion("fast", 30), "fast")
    assert share(recogniser, "still", "still") > 0.8
    assert share(recogniser, "slow", "slow") > 0.8


def test_the_wearer_weighs_more_than_the_reference() -> None:
    """The wearer calls `dozing` what the reference calls `still`."""
    dozing = {}
    for weight in (1.0, 1000.0):
        recogniser = knn(reference=tiny_reference(), own_weight=weight)
        recogniser.add(windows_of_motion("still", 10), "dozing")
        index = recogniser.labels.index("dozing")
        judged = recogniser.predict(windows_of_motion("still", 20, seed=8))
        dozing[weight] = np.mean([p.probabilities[index] for p in judged])
    assert dozing[1000.0] > dozing[1.0]
    assert dozing[1000.0] > 0.95


def test_a_label_is_forgotten_at_once() -> None:
    recogniser = knn()
    for motion in ("still", "fast"):
        recogniser.add(windows_of_motion(motion, 10), motion)
    recogniser.forget_label("fast")
    assert recogniser.labels == ("still",)
    assert share(recogniser, "fast", "fast") == 0


def test_a_take_is_forgotten_alone() -> None:
    recogniser = knn()
    recogniser.add(windows_of_motion("still", 10), "still", take="a")
    recogniser.add(windows_of_motion("still", 4, seed=2), "still", take="b")
    recogniser.forget_take("a")
    assert recogniser.counts == {"still": 4}


def test_all_is_forgotten_but_the_reference() -> None:
    recogniser = knn(reference=tiny_reference())
    recogniser.add(windows_of_motion("fast", 10), "fast")
    recogniser.forget_all()
    assert recogniser.labels == ("still", "slow")
    assert recogniser.counts == {}


def test_memory_is_bounded() -> None:
    recogniser = knn(capacity=20)
    for seed in range(3):
        recogniser.add(windows_of_motion("still", 15, seed=seed), "still")
    recogniser.add(windows_of_motion("fast", 8), "fast")
    assert recogniser.counts == {"still": 12, "fast": 8}
    recogniser.add(windows_of_motion("fast", 50, seed=1), "fast")
    assert recogniser.counts == {"still": 10, "fast": 10}


def test_what_is_gathered_takes_effect_at_the_end() -> None:
    gathered, one_by_one = knn(reference=tiny_reference()), knn(reference=tiny_reference())
    takes = [(windows_of_motion(motion, 5, seed=n), motion) for n, motion in enumerate(MOTIONS)]
    with gathered.gathering():
        for windows, label in takes:
            gathered.add(windows, label)
        assert gathered.counts == {}
        assert share(gathered, "fast", "fast") == 0
    for windows, label in takes:
        one_by_one.add(windows, label)
    assert gathered.counts == one_by_one.counts
    asked = windows_of_motion("fast", 10, seed=8)
    for first, second in zip(gathered.predict(asked), one_by_one.predict(asked), strict=True):
        assert np.array_equal(first.probabilities, second.probabilities)


def test_what_is_forgotten_while_others_are_gathered_is_gone_at_once() -> None:
    recogniser = knn()
    recogniser.add(windows_of_motion("fast", 5), "fast")
    with recogniser.gathering():
        recogniser.add(windows_of_motion("slow", 5), "slow")
        recogniser.forget_label("fast")
        assert share(recogniser, "fast", "fast") == 0
    assert recogniser.counts == {"slow": 5}


def test_distances_are_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser = knn(reference=tiny_reference())
    recogniser.add(windows_of_motion("fast", 30), "fast")
    asked = windows_of_motion("slow", 5, seed=8)
    whole = recogniser.predict(asked)
    monkeypatch.setattr(knn_module, "_BLOCK", 7)
    for first, second in zip(whole, recogniser.predict(asked), strict=True):
        assert np.array_equal(first.probabilities, second.probabilities)


def test_a_rare_activity_is_familiar_among_many_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(knn_module, "_ENOUGH", 60)
    recogniser = knn()
    recogniser.add(windows_of_motion("slow", 400), "slow")
    recogniser.add(windows_of_motion("fast", 10), "fast")
    assert share(recogniser, "fast", "fast") > 0.8


def test_too_few_windows_to_promise_a_rate_call_nothing_unknown() -> None:
    recogniser = knn()
    recogniser.add(windows_of_motion("still", 5), "still")
    assert answers(recogniser, "strange", 5) == ["still"] * 5


def test_k_decides_how_many_are_asked() -> None:
    """One odd neighbour decides alone, but not among five."""
    window = windows_of_motion("still", 1, seed=8)
    given = {}
    for k in (1, 5):
        recogniser = knn(k=k)
        recogniser.add(windows_of_motion("still", 20), "still")
        recogniser.add(window + np.float32(0.001), "odd")
        [prediction] = recogniser.predict(window)
        given[k] = np.count_nonzero(prediction.probabilities)
    assert given == {1: 1, 5: 2}


def test_the_very_window_that_was_taught_is_certain() -> None:
    recogniser = knn()
    windows = windows_of_motion("fast", 10)
    recogniser.add(windows, "fast")
    recogniser.add(windows_of_motion("slow", 10), "slow")
    assert recogniser.predict(windows[:1])[0].confidence == pytest.approx(1)


def test_a_reference_for_other_windows_is_refused() -> None:
    with pytest.raises(ModelError, match=r"64 samples at 25 per second, not of 128 at 50"):
        KnnClassifier(rate=50, length=128, reference=tiny_reference())


@pytest.mark.parametrize("windows", [np.zeros((2, 60, 6)), np.full((2, 64, 6), np.nan)])
def test_windows_that_cannot_be_are_not_learnt(windows: np.ndarray) -> None:
    recogniser = knn()
    with pytest.raises(ModelError):
        recogniser.add(windows.astype(np.float32), "broken")
    assert recogniser.labels == ()


def test_it_learns_and_forgets_while_it_predicts() -> None:
    recogniser = knn(reference=tiny_reference())
    window = windows_of_motion("still", 1, seed=8)
    taught = windows_of_motion("fast", 3)
    done = threading.Event()

    def teach() -> None:
        for round_ in range(60):
            recogniser.add(taught, "fast", take=str(round_))
            if round_ % 3 == 2:
                recogniser.forget_label("fast")
        done.set()

    teacher = threading.Thread(target=teach)
    teacher.start()
    judged = []
    while not done.is_set():
        judged += recogniser.predict(window)
    teacher.join()
    assert judged
    assert all(p.best == "still" and len(p.labels) == len(p.probabilities) for p in judged)
