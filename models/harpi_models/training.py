"""Train the IMU base: seeded, balanced, with every window seen in another strap each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harpi.signal.orientation import any_rotations, turn
from harpi.types import FloatArray
from harpi_models.augmentation import Augmentation
from harpi_models.datasets.catalogue import CORE
from harpi_models.datasets.layout import LENGTH
from harpi_models.datasets.motion_capture import VirtualWalkers
from harpi_models.examples import Examples
from harpi_models.imu_network import KINDS, body, channel_count, front, posture_branch
from harpi_models.metrics import macro_f1
from harpi_models.mixture import AS_RECORDED, WALKING, Mixture

ASIDE = 8
"""With early stopping, one person in so many is not trained on."""
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides how a base turns out, together with the data and the seed.

    Attributes:
        channels: kinds of channels that the body sees, of `imu_network.KINDS`.
        widths: channels after each stage.
        strides: in time, of each stage.
        kernel: samples that the first convolution sees.
        expansion: width of a last pointwise convolution; 0 for none.
        posture: width of a layer over the mean acceleration; 0 for none.
        augmentation: what is done to every window.
        mixture: how often which window is drawn.
        own_weight: weight of telling the sets' own labels apart, beside the core labels.
        smoothing: of the core labels.
        epochs: at most.
        epoch_windows: windows drawn in an epoch.
        batch: windows in a step.
        learning_rate: at its highest.
        weight_decay: decoupled (AdamW).
        early_stopping: whether one training person in eight is kept aside, and training stops
            when they get no better.
        patience: epochs without a better validation after which training then stops.
        seed: of everything random.
    """

    channels: tuple[str, ...] = tuple(KINDS)
    widths: tuple[int, ...] = (40, 56, 72, 88)
    strides: tuple[int, ...] = (1, 2, 2, 1)
    kernel: int = 5
    expansion: int = 128
    posture: int = 24
    augmentation: Augmentation = field(default_factory=Augmentation)
    mixture: Mixture = AS_RECORDED
    own_weight: float = 0.5
    smoothing: float = 0.05
    epochs: int = 10
    epoch_windows: int = 60_000
    batch: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    early_stopping: bool = False
    patience: int = 4
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained base.

    Attributes:
        body: the convolutions.
        kernel: of the classifier over `CORE`, ``[F, 9]``.
        bias: of the classifier, ``[9]``.
        branch: the layer over the mean acceleration; None where there is none.
        channels: kinds of channels that the body sees.
        history: figures of each epoch.
        seconds: that it took.
    """

    body: Any
    kernel: FloatArray
    bias: FloatArray
    branch: Any
    channels: tuple[str, ...]
    history: tuple[dict[str, float], ...]
    seconds: float

    def features(self, windows: FloatArray, batch: int = 2048) -> FloatArray:
        """Features ``[n, F]`` of windows ``[n, T, 6]``."""
        parts = [
            np.asarray(self._embed(tf.constant(windows[i : i + batch])))
            for i in range(0, len(windows), batch)
        ]
        return np.concatenate(parts)

    def _embed(self, windows: Any) -> Any:
        return _features(self.body, self.branch, windows, self.channels, training=False)

    def probabilities(self, features: FloatArray) -> FloatArray:
        """Probabilities ``[n, 9]`` of features."""
        logits = features @ self.kernel + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def train(
    examples: Examples,
    recipe: Recipe,
    *,
    walkers: VirtualWalkers | None = None,
    progress: Progress = lambda epoch, epochs, figures: None,
) -> Trained:
    """Train a base.

    Args:
        examples: windows of at least `LENGTH` samples; longer ones leave room to warp time.
        recipe: how. With early stopping the best epoch is kept, else the last.
        walkers: make virtual windows, as long as those of the examples, anew for every epoch;
            None for real ones only.
        progress: told after each epoch.
    """
    begun = time.monotonic()
    validation = None
    if recipe.early_stopping:
        aside = examples.person % ASIDE == 0
        examples, validation = examples.where(~aside), examples.where(aside)
    keras.utils.set_random_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    network = _Network(examples, recipe)
    chances = recipe.mixture.chances(examples)
    virtual = 0
    if walkers is not None:
        share = recipe.mixture.virtual_share(examples, chances)
        virtual = round(recipe.epoch_windows * share)
    history: list[dict[str, float]] = []
    best, best_weights = -np.inf, None
    for epoch in range(recipe.epochs):
        drawn = rng.choice(len(examples), recipe.epoch_windows, p=chances)
        made = np.empty((0, *examples.values.shape[1:]), np.float32)
        if walkers is not None and virtual:
            made = walkers.draw(virtual, rng)
            # Below 0: the virtual window of that number, counted from the end.
            drawn[rng.permutation(len(drawn))[:virtual]] = -1 - np.arange(virtual)
        losses = []
        for i in range(0, len(drawn) - recipe.batch + 1, recipe.batch):
            chosen = drawn[i : i + recipe.batch]
            real = chosen >= 0
            values = np.empty((len(chosen), *examples.values.shape[1:]), np.float32)
            values[real] = examples.values[chosen[real]]
            values[~real] = made[chosen[~real]]
            losses.append(network.step(recipe.augmentation(values, LENGTH, rng), chosen))
        figures = {"loss": float(np.mean([float(loss) for loss in losses]))}
        if validation is not None:
            figures["validation"] = _validate(network.trained([], 0.0), validation, recipe)
            if figures["validation"] > best:
                best, best_weights = figures["validation"], network.weights()
        history.append(figures)
        progress(epoch + 1, recipe.epochs, figures)
        scores = [f.get("validation", 0.0) for f in history]
        if validation is not None and epoch - int(np.argmax(scores)) >= recipe.patience:
            break
    if best_weights is not None:
        network.restore(best_weights)
    return network.trained(history, time.monotonic() - begun)


class _Network:
    """The parts that are trained, and one step of it."""

    def __init__(self, examples: Examples, recipe: Recipe) -> None:
        self.body = body(
            channel_count(recipe.channels),
            recipe.widths,
            recipe.strides,
            recipe.kernel,
            recipe.expansion,
        )
        self.branch = posture_branch(recipe.posture) if recipe.posture else None
        features = int(self.body.outputs[0].shape[-1]) + recipe.posture + 3
        self.core = keras.layers.Dense(len(CORE))
        self.own = keras.layers.Dense(len(examples.own_labels))
        for layer in (self.core, self.own):
            layer.build((None, features))
        self._parts = [p for p in (self.body, self.branch, self.core, self.own) if p]
        self._variables = [v for part in self._parts for v in part.trainable_variables]
        steps = recipe.epochs * (recipe.epoch_windows // recipe.batch)
        schedule = keras.optimizers.schedules.CosineDecay(
            recipe.learning_rate / 10,
            decay_steps=steps,
            alpha=0.01,
            warmup_target=recipe.learning_rate,
            warmup_steps=steps // 20,
        )
        self._optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
        self._optimizer.build(self._variables)
        self._recipe = recipe
        self._may = examples.core.astype(np.float32)
        self._own = examples.own
        self._others = np.where(examples.own_of(), 0.0, -1e9).astype(np.float32)
        self._set = examples.data_set
        self._run = tf.function(self._step, autograph=False, reduce_retracing=True)

    def step(self, windows: FloatArray, chosen: NDArray[np.int64]) -> Any:
        """Train on windows made from the chosen examples; those below 0 are virtual."""
        virtual = chosen < 0
        may = self._may[chosen]
        may[virtual] = np.eye(len(CORE), dtype=np.float32)[WALKING]
        weight = np.where(virtual, self._recipe.mixture.virtual_weight, 1.0)
        return self._run(
            tf.constant(windows),
            tf.constant(may),
            tf.constant(weight.astype(np.float32)),
            tf.constant(self._own[chosen]),
            tf.constant((~virtual).astype(np.float32)),
            tf.constant(self._others[self._set[chosen]]),
        )

    def _step(
        self, windows: Any, may: Any, weight: Any, own: Any, owned: Any, others: Any
    ) -> Any:
        with tf.GradientTape() as tape:
            features = _features(
                self.body, self.branch, windows, self._recipe.channels, training=True
            )
            log_core = tf.nn.log_softmax(self.core(features))
            known = tf.reduce_max(may, axis=1) * weight
            # A label such as "stairs" is answered by either direction.
            one_of = tf.reduce_logsumexp(log_core + tf.math.log(may + 1e-9), axis=1)
            smooth = self._recipe.smoothing
            core_loss = -(1 - smooth) * one_of - smooth * tf.reduce_mean(log_core, axis=1)
            loss = tf.reduce_sum(core_loss * known) / tf.reduce_sum(known)
            own_loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                own, self.own(features) + others
            )
            mean_own = tf.reduce_sum(own_loss * owned) / tf.reduce_sum(owned)
            loss += self._recipe.own_weight * mean_own
        gradients = tape.gradient(loss, self._variables)
        self._optimizer.apply(gradients, self._variables)
        return loss

    def weights(self) -> list[Any]:
        """A copy of all weights."""
        return [part.get_weights() for part in self._parts]

    def restore(self, weights: list[Any]) -> None:
        """Take back weights."""
        for part, values in zip(self._parts, weights, strict=True):
            part.set_weights(values)

    def trained(self, history: list[dict[str, float]], seconds: float) -> Trained:
        """The base as it is now."""
        kernel, bias = self.core.get_weights()
        return Trained(
            self.body,
            kernel,
            bias,
            self.branch,
            self._recipe.channels,
            tuple(history),
            seconds,
        )


def _features(
    trained_body: Any, branch: Any, windows: Any, kinds: tuple[str, ...], *, training: bool
) -> Any:
    parts = front(windows, kinds)
    made = [trained_body(parts["channels"], training=training)]
    if branch is not None:
        made.append(branch(parts["posture"], training=training))
    return tf.concat([*made, parts["posture"]], axis=-1)


def _validate(trained: Trained, examples: Examples, recipe: Recipe) -> float:
    """Mean over the places of the macro F1 of strangers, as recorded and with straps turned."""
    sure = examples.where(examples.sure)
    values = np.ascontiguousarray(sure.values[:, :LENGTH])
    rng = np.random.default_rng(recipe.seed)
    truth = np.argmax(sure.core, axis=1)
    scores = []
    for windows in (values, turn(values, any_rotations(len(values), rng))):
        answers = np.argmax(trained.probabilities(trained.features(windows)), axis=1)
        scores += [
            macro_f1(truth[sure.position == p], answers[sure.position == p])
            for p in np.unique(sure.position)
        ]
    return float(np.mean(scores))
