"""Training the head: harpi's ways beside what one would take instead.

All learn the same 10 windows of each activity of one person, from features that are there
(except MiniRocket, which makes its own from the windows, as its makers advise), and are asked
windows of the same person from 10 s later on. `training` measures all that comes with it on a
device: turned copies, held-out windows, the file, the swap.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi import shipped
from harpi.learning.closed_form import discriminant
from harpi.recognition.head_trainer import HeadTrainer
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ModelFile
from harpi.types import FloatArray
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.libraries import installed, why_not
from tests.labs.benchmarks.table import Table
from tests.labs.benchmarks.turns import Task, in_turns
from tests.labs.benchmarks.wearers import Wearer, wearers

Classes = NDArray[np.int64]
Judge = Callable[[FloatArray], Classes]
"""From what is asked ``[n, ...]`` to classes."""
Fit = Callable[[], Judge]

ROUNDS = 7
EPOCHS = 40
BATCH = 20
LEARNING_RATE = 0.01
HARPI = "harpi, closed form"
MINIROCKET = "MiniRocket and ridge"
LIBRARIES = ("sklearn", "river", "tensorflow")


def measure(effort: Effort) -> list[Table]:
    base = ModelFile.read(shipped.path("models/generic.tflite"))
    embed = Interpreter(base)
    people = [wearer for place in wearers(effort).values() for wearer in place]
    first = people[0]
    table = Table(
        f"A head for {len(np.unique(first.learnt_classes))} activities, {len(first.learnt)} "
        f"windows, {base.metadata.features} features",
        note=f"By gradient: {EPOCHS} epochs of batches of {BATCH} by Adam. Accuracy: share of "
        f"windows that come right, mean over the activities, then over {len(people)} wearers.",
    )
    for library in LIBRARIES:
        if not installed(library):
            table.not_run(library, why_not(library))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that would go on
        scores: dict[str, list[float]] = {}
        for wearer in reversed(people):
            learnt, asked = (
                embed.run("bottleneck", {"window": windows})["features"]
                for windows in (wearer.learnt, wearer.asked)
            )
            fits = _fits(base, wearer, learnt)
            for name, fit in fits.items():
                answers = fit()(wearer.asked if name == MINIROCKET else asked)
                scores.setdefault(name, []).append(_balanced(answers, wearer.asked_classes))
        tasks: dict[str, Task] = dict(fits)  # those of the first
        times = in_turns(tasks, effort.rounds(ROUNDS))
    for name, own in scores.items():
        table.add(
            method=name,
            **{
                "CPU ms": times.of(name, 0.001),
                f"x {HARPI}": times.ratio(name, HARPI),
                "accuracy": float(np.mean(own)),
            },
        )
    return [table]


def _balanced(answers: Classes, classes: Classes) -> float:
    return float(
        np.mean([np.mean(answers[classes == own] == own) for own in np.unique(classes)])
    )


def _fits(base: ModelFile, wearer: Wearer, learnt: FloatArray) -> dict[str, Fit]:
    classes = wearer.learnt_classes
    fits: dict[str, Fit] = {
        HARPI: lambda: _linear(*discriminant(learnt, classes, int(classes.max()) + 1)),
        "harpi, by gradient on LiteRT": lambda: _harpi_gradient(base, learnt, classes),
        "NumPy, by gradient": lambda: _numpy_gradient(learnt, classes),
    }
    if installed("sklearn"):
        fits |= _scikit(wearer, learnt)
    if installed("river"):
        fits["river, softmax regression"] = lambda: _river(learnt, classes)
    if installed("tensorflow"):
        fits["TensorFlow, by gradient"] = _tensorflow(learnt, classes)
    return fits


def _linear(weights: FloatArray, bias: FloatArray) -> Judge:
    return lambda rows: np.argmax(rows @ weights + bias, axis=1)


def _harpi_gradient(base: ModelFile, learnt: FloatArray, classes: Classes) -> Judge:
    trainer = HeadTrainer(base, 1)
    labels = tuple(f"activity {n}" for n in range(int(classes.max()) + 1))
    state = trainer.initial(labels)
    ones = np.ones(len(learnt), np.float32)
    for _ in range(EPOCHS):
        state, _ = trainer.epoch(
            state, learnt, classes, ones, learning_rate=LEARNING_RATE, batch_size=BATCH
        )
    return _linear(state.parameters["w0"], state.parameters["b0"])


def _numpy_gradient(learnt: FloatArray, classes: Classes) -> Judge:
    """Softmax regression by Adam, as one would write it by hand."""
    rng = np.random.default_rng(1)
    count = int(classes.max()) + 1
    targets = np.eye(count, dtype=np.float32)[classes]
    values = [np.zeros((learnt.shape[1], count), np.float32), np.zeros(count, np.float32)]
    first = [np.zeros_like(value) for value in values]
    second = [np.zeros_like(value) for value in values]
    step = 0
    for _ in range(EPOCHS):
        for rows in np.array_split(rng.permutation(len(learnt)), -(-len(learnt) // BATCH)):
            step += 1
            logits = learnt[rows] @ values[0] + values[1]
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            errors = (powers / powers.sum(axis=1, keepdims=True) - targets[rows]) / len(rows)
            for i, slope in enumerate((learnt[rows].T @ errors, errors.sum(axis=0))):
                first[i] += 0.1 * (slope - first[i])
                second[i] += 0.001 * (slope * slope - second[i])
                mean, spread = first[i] / (1 - 0.9**step), second[i] / (1 - 0.999**step)
                values[i] -= LEARNING_RATE * mean / (np.sqrt(spread) + 1e-7)
    return _linear(values[0], values[1])


def _scikit(wearer: Wearer, learnt: FloatArray) -> dict[str, Fit]:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, RidgeClassifierCV, SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from harpi_models.minirocket import MiniRocket

    classes = wearer.learnt_classes

    def of(make: Callable[[], Any]) -> Fit:
        def fit() -> Judge:
            judge: Judge = make_pipeline(StandardScaler(), make()).fit(learnt, classes).predict
            return judge

        return fit

    def minirocket() -> Judge:
        transform = MiniRocket(wearer.learnt)
        ridge = make_pipeline(
            StandardScaler(with_mean=False), RidgeClassifierCV(np.logspace(-3, 3, 10))
        )
        ridge.fit(transform(wearer.learnt), classes)
        return lambda windows: np.asarray(ridge.predict(transform(windows)), np.int64)

    return {
        "scikit-learn, LDA with shrinkage": of(
            lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        ),
        "scikit-learn, LogisticRegression": of(lambda: LogisticRegression(max_iter=1000)),
        "scikit-learn, SGDClassifier": of(
            lambda: SGDClassifier(loss="log_loss", max_iter=EPOCHS, random_state=1)
        ),
        "scikit-learn, RandomForest": of(
            lambda: RandomForestClassifier(random_state=1, n_jobs=1)
        ),
        MINIROCKET: minirocket,
    }


def _river(learnt: FloatArray, classes: Classes) -> Judge:
    """One pass over the windows, each by itself, as river does it."""
    from river.linear_model import SoftmaxRegression
    from river.preprocessing import StandardScaler

    def named(row: FloatArray) -> dict[int, float]:
        return dict(enumerate(row.tolist()))

    model = StandardScaler() | SoftmaxRegression()
    for place in np.random.default_rng(1).permutation(len(learnt)):
        model.learn_one(named(learnt[place]), int(classes[place]))
    return lambda rows: np.array([model.predict_one(named(row)) for row in rows])


def _tensorflow(learnt: FloatArray, classes: Classes) -> Fit:
    """One dense layer of Keras; made and compiled before, as harpi's model file is."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(1)
    count = int(classes.max()) + 1
    layer = tf.keras.layers.Dense(count, kernel_initializer="zeros")
    layer.build((None, learnt.shape[1]))
    optimizer = tf.keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(layer.trainable_variables)
    variables = (*layer.trainable_variables, *optimizer.variables)
    fresh = [variable.numpy() for variable in variables]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(rows: Any, targets: Any) -> None:
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, layer(rows))
            loss = tf.reduce_mean(losses)
        slopes = tape.gradient(loss, layer.trainable_variables)
        optimizer.apply_gradients(zip(slopes, layer.trainable_variables, strict=True))

    def fit() -> Judge:
        for variable, value in zip(variables, fresh, strict=True):
            variable.assign(value)
        rng = np.random.default_rng(1)
        for _ in range(EPOCHS):
            order = rng.permutation(len(learnt))
            for rows in np.array_split(order, -(-len(learnt) // BATCH)):
                step(tf.constant(learnt[rows]), tf.constant(classes[rows]))
        return _linear(layer.kernel.numpy(), layer.bias.numpy())

    return fit
