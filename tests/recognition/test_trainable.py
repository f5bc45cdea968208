import threading
from pathlib import Path

import numpy as np
import pytest

from harpi.errors import CommandRefused, HeadMismatch, ModelError, UsageError
from harpi.recognition.head import Head
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.trainable import TrainableModel
from tests.support.models import tiny_base, tiny_mlp
from tests.support.motions import MOTIONS, windows_of_motion


def with_samples(*motions: str, **settings: object) -> TrainableModel:
    model = TrainableModel(tiny_base(), learning_rate=0.05, **settings)  # type: ignore[arg-type]
    for motion in motions:
        for window in windows_of_motion(motion, 12, seed=1):
            model.add_sample(window, motion)
    return model


def accuracy(model: TrainableModel, *motions: str) -> float:
    right = [
        model.predict(window)[0][0] == motion
        for motion in motions
        for window in windows_of_motion(motion, 10, seed=8)
    ]
    return float(np.mean(right))


def test_it_learns_from_windows() -> None:
    model = with_samples(*MOTIONS)
    losses: list[tuple[int, float]] = []
    last = model.train(20, lambda epoch, loss: losses.append((epoch, loss)))
    assert [epoch for epoch, _ in losses] == list(range(1, 21))
    assert losses[-1][1] == last < losses[0][1]
    assert accuracy(model, *MOTIONS) > 0.9


def test_features_are_samples_too() -> None:
    windows = windows_of_motion("fast", 3)
    rows = Interpreter(tiny_base()).run("bottleneck", {"window": windows})["features"]
    by_window, by_features = (TrainableModel(tiny_base()) for _ in range(2))
    for window, row in zip(windows, rows, strict=True):
        by_window.add_sample(window, "fast")
        by_features.add_sample(row, "fast")
    by_window.add_sample(windows_of_motion("still", 1)[0], "still")
    by_features.add_sample(windows_of_motion("still", 1)[0], "still")
    assert by_window.train(5) == pytest.approx(by_features.train(5), abs=1e-5)


def test_predictions_are_sorted_and_sum_to_one() -> None:
    model = with_samples(*MOTIONS)
    model.train(2)
    prediction = model.predict(windows_of_motion("slow", 1)[0])
    assert {label for label, _ in prediction} == set(MOTIONS)
    shares = [share for _, share in prediction]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_untrained_it_does_not_guess() -> None:
    assert with_samples("still").predict(windows_of_motion("still", 1)[0]) == []


def test_counts_and_batch_size_are_told() -> None:
    model = TrainableModel(tiny_base(), ("walking", "still"))
    model.add_sample(windows_of_motion("still", 1)[0], "still")
    assert model.counts == {"walking": 0, "still": 1}
    assert model.batch_size == tiny_base().metadata.head.batch_size
    assert TrainableModel(tiny_base(), batch_size=3).batch_size == 3


def test_fewer_samples_than_a_batch_are_enough() -> None:
    model = TrainableModel(tiny_base(), batch_size=50)
    model.add_sample(windows_of_motion("still", 1)[0], "still")
    model.add_sample(windows_of_motion("fast", 1)[0], "fast")
    assert np.isfinite(model.train(3))


def test_labels_come_without_learning_anew() -> None:
    model = with_samples("still", "fast")
    model.train(20)
    for window in windows_of_motion("slow", 12, seed=1):
        model.add_sample(window, "slow")
    assert model.labels == ("still", "fast", "slow")
    model.train(15)
    assert accuracy(model, *MOTIONS) > 0.9


def test_it_predicts_while_it_trains() -> None:
    model = with_samples(*MOTIONS)
    model.train(1)
    window = windows_of_motion("fast", 1, seed=8)[0]
    running = threading.Thread(target=model.train, args=(300,))
    running.start()
    predictions = []
    while running.is_alive():
        predictions.append(model.predict(window))
    running.join()
    assert len(predictions) > 10
    assert all(sum(s for _, s in p) == pytest.approx(1, abs=1e-5) for p in predictions)
    assert predictions[-1][0][0] == "fast"


def test_paused_it_rests_until_resumed() -> None:
    model = with_samples("still", "fast")
    epochs: list[int] = []
    third = threading.Event()

    def callback(epoch: int, loss: float) -> None:
        del loss
        epochs.append(epoch)
        if epoch == 3:
            model.pause()
            third.set()

    running = threading.Thread(target=model.train, args=(6, callback))
    running.start()
    assert third.wait(20)
    assert model.predict(windows_of_motion("still", 1)[0])
    assert running.is_alive()
    assert epochs == [1, 2, 3]
    model.resume()
    running.join(20)
    assert epochs == [1, 2, 3, 4, 5, 6]


def test_training_twice_at_once_is_refused() -> None:
    model = with_samples("still", "fast")
    refused: list[str] = []

    def callback(epoch: int, loss: float) -> None:
        del epoch, loss
        with pytest.raises(CommandRefused) as caught:
            model.train(1)
        refused.append(str(caught.value))

    model.train(1, callback)
    assert "already" in refused[0]


def test_parameters_and_optimiser_state_survive_their_file(tmp_path: Path) -> None:
    """Going on after loading is going on without a break."""
    path = tmp_path / "head"
    whole = with_samples(*MOTIONS, batch_size=36)
    whole.train(4)
    whole.save(path)
    loaded = with_samples(*MOTIONS, batch_size=36)
    loaded.load(path)
    window = windows_of_motion("slow", 1, seed=8)[0]
    assert loaded.predict(window) == whole.predict(window)
    assert Head.read(path).step == 4
    assert Head.read(path).slots.keys() == {"m_w0", "m_b0", "v_w0", "v_b0"}
    # One batch of all samples: their order matters to the last bits only.
    assert loaded.train(3) == pytest.approx(whole.train(3), abs=1e-5)
    fresh = with_samples(*MOTIONS, batch_size=36)
    assert fresh.train(3) > 1.2 * whole.train(1)


def test_a_head_of_another_base_is_refused(tmp_path: Path) -> None:
    model = with_samples("still", "fast")
    model.train(1)
    model.save(tmp_path / "head")
    with pytest.raises(HeadMismatch, match="tiny plain"):
        TrainableModel(tiny_mlp()).load(tmp_path / "head")


def test_nothing_learnt_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing was trained"):
        with_samples("still").save(tmp_path / "head")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "sample",
    [
        np.zeros((63, 6), np.float32),
        np.zeros(23, np.float32),
        np.zeros((64, 6)),
        np.full((64, 6), np.nan, np.float32),
        np.full(24, np.inf, np.float32),
    ],
)
def test_samples_that_do_not_fit_are_refused(sample: np.ndarray) -> None:
    model = TrainableModel(tiny_base())
    with pytest.raises(ModelError):
        model.add_sample(sample, "broken")
    assert model.labels == ()


def test_there_must_be_something_to_train() -> None:
    with pytest.raises(UsageError, match="no samples"):
        TrainableModel(tiny_base()).train(1)
    with pytest.raises(UsageError, match="at least one"):
        with_samples("still").train(0)
    with pytest.raises(UsageError, match="positive"):
        TrainableModel(tiny_base(), batch_size=0)


def test_closing_ends_training_and_all_else() -> None:
    window = windows_of_motion("still", 1)[0]
    ended: list[str] = []
    with with_samples("still", "fast") as model:
        begun = threading.Event()

        def train() -> None:
            try:
                model.train(100_000, lambda *_: begun.set())
            except CommandRefused as error:
                ended.append(str(error))

        running = threading.Thread(target=train)
        running.start()
        assert begun.wait(20)
        model.pause()
    running.join(20)
    assert not running.is_alive()
    assert "closed" in ended[0]
    for call in (lambda: model.predict(window), lambda: model.add_sample(window, "still")):
        with pytest.raises(CommandRefused, match="closed"):
            call()
    model.close()
