import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.errors import ModelError
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.recognition.interpreter import Interpreter
from tests.support.models import tiny_base, tiny_mlp
from tests.support.motions import MOTIONS, windows_of_motion

TARGETS = np.repeat(np.arange(3), 20)
EVEN = np.ones(60, np.float32)


def features_on(model: object, seed: int = 1) -> np.ndarray:
    windows = np.concatenate([windows_of_motion(m, 20, seed=seed) for m in MOTIONS])
    return Interpreter(model).run("bottleneck", {"window": windows})["features"]  # type: ignore[arg-type]


FEATURES = features_on(tiny_base())
TRAINER = HeadTrainer(tiny_base())


def trained(trainer: HeadTrainer, epochs: int = 15, weights: np.ndarray = EVEN) -> HeadState:
    state = trainer.initial(MOTIONS)
    for _ in range(epochs):
        state, _ = trainer.epoch(
            state, FEATURES, TARGETS, weights, learning_rate=0.05, batch_size=8
        )
    return state


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(1, 30))
def test_batches_leave_no_sample_out_and_are_all_of_one_size(count: int, size: int) -> None:
    batches = list(TRAINER.batches(count, size))
    assert {len(batch) for batch in batches} == {min(size, count)}
    assert len(batches) == -(-count // size)
    assert set(np.concatenate(batches).tolist()) == set(range(count))
    if len(batches) > 1:
        # The last overlaps the one before; the others share nothing.
        assert len(set(np.concatenate(batches[:-1]).tolist())) == size * (len(batches) - 1)


def test_each_epoch_has_another_order() -> None:
    first, second = (np.concatenate(list(TRAINER.batches(50, 10))) for _ in range(2))
    assert not np.array_equal(first, second)


def test_an_untrained_head_prefers_nothing() -> None:
    state = TRAINER.initial(MOTIONS)
    assert TRAINER.probabilities(state, FEATURES) == pytest.approx(np.full((60, 3), 1 / 3))


@pytest.mark.parametrize("model", [tiny_base(), tiny_mlp()], ids=["softmax, Adam", "mlp"])
def test_it_learns(model: object) -> None:
    trainer = HeadTrainer(model)  # type: ignore[arg-type]
    rows = features_on(model)
    state, losses = trainer.initial(MOTIONS), []
    for _ in range(60):
        state, loss = trainer.epoch(
            state, rows, TARGETS, EVEN, learning_rate=0.05, batch_size=8
        )
        losses.append(loss)
    assert losses[-1] < 0.5 * losses[0]
    held_out = trainer.probabilities(state, features_on(model, seed=2))
    assert np.mean(held_out.argmax(axis=1) == TARGETS) > 0.8
    assert state.step == 60 * 8


def test_the_same_seed_gives_the_same_head() -> None:
    one, two = (trained(HeadTrainer(tiny_base(), seed=5), 3) for _ in range(2))
    other = trained(HeadTrainer(tiny_base(), seed=6), 3)
    assert np.array_equal(one.parameters["w0"], two.parameters["w0"])
    assert not np.array_equal(one.parameters["w0"], other.parameters["w0"])


def test_a_step_changes_no_state_but_the_one_it_gives() -> None:
    state = TRAINER.initial(MOTIONS)
    before = {name: array.copy() for name, array in state.parameters.items()}
    TRAINER.step(state, FEATURES, np.eye(3, dtype=np.float32)[TARGETS], EVEN, 0.1)
    assert all(np.array_equal(before[name], state.parameters[name]) for name in before)
    assert state.step == 0


def test_samples_of_weight_zero_are_not_learnt() -> None:
    weights = np.where(TARGETS == 2, 0, 1).astype(np.float32)
    state = trained(HeadTrainer(tiny_base()), weights=weights)
    assert (TRAINER.probabilities(state, FEATURES).argmax(axis=1) != 2).all()


def test_labels_that_stay_keep_what_they_learnt() -> None:
    state = trained(HeadTrainer(tiny_base()))
    logit = np.log(TRAINER.probabilities(state, FEATURES))
    moved = TRAINER.relabelled(state, ("fast", "new", "still"))
    after = np.log(TRAINER.probabilities(moved, FEATURES))
    assert after[:, 0] - after[:, 2] == pytest.approx(logit[:, 2] - logit[:, 0], abs=1e-3)
    assert not moved.parameters["w0"][:, 1].any()
    assert np.array_equal(moved.slots["v_w0"][:, 0], state.slots["v_w0"][:, 2])
    assert moved.step == state.step


def test_hidden_layers_stay_when_labels_change() -> None:
    trainer = HeadTrainer(tiny_mlp())
    state = trainer.initial(("a", "b"))
    moved = trainer.relabelled(state, ("a", "b", "c"))
    assert np.array_equal(moved.parameters["w0"], state.parameters["w0"])
    assert moved.parameters["w1"].shape == (8, 3)


def test_the_same_labels_are_the_same_head() -> None:
    state = TRAINER.initial(MOTIONS)
    assert TRAINER.relabelled(state, MOTIONS) is state


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    broken = FEATURES.copy()
    broken[3, 3] = value
    with pytest.raises(ModelError, match="`features` of `train` holds values"):
        TRAINER.epoch(
            TRAINER.initial(MOTIONS), broken, TARGETS, EVEN, learning_rate=0.1, batch_size=60
        )
