"""The tiny models of the tests, and what belongs to them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from harpi.recognition.head import Head
from harpi.recognition.head_trainer import HeadTrainer
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi.recognition.rejection import Rejection
from harpi.signal.features import features
from tests.support.motions import LENGTH, RATE, windows_of_motion

DATA = Path(__file__).parent.parent / "data"


@cache
def tiny_base() -> ModelFile:
    """Knows the made-up motions; softmax head, Adam."""
    return ModelFile.read(DATA / "tiny_base.tflite")


@cache
def tiny_mlp() -> ModelFile:
    """Knows nothing; a head with a hidden layer, dropout, momentum."""
    return ModelFile.read(DATA / "tiny_mlp.tflite")


@cache
def tiny_head() -> Head:
    """Learnt `still` and `fast` on the tiny base, and says unknown of what is far."""
    base = tiny_base()
    labels = ("still", "fast")
    windows = np.concatenate([windows_of_motion(label, 40, seed=1) for label in labels])
    rows = Interpreter(base).run("bottleneck", {"window": windows})["features"]
    targets = np.repeat([0, 1], 40)
    trainer = HeadTrainer(base)
    state = trainer.initial(labels)
    for _ in range(20):
        state, _ = trainer.epoch(
            state, rows, targets, np.ones(80, np.float32), learning_rate=0.05, batch_size=8
        )
    return Head.for_base(
        base,
        labels=labels,
        parameters=state.parameters,
        slots=state.slots,
        step=state.step,
        rejection=Rejection.cross_validated(rows, targets, targets, 0.05),
        figures={"accuracy": 1.0},
    )


@cache
def tiny_reference() -> KnnReference:
    """Centroids of `still` and `slow`."""
    labels = ("still", "slow")
    rows = np.stack([features(windows_of_motion(label, 40), RATE) for label in labels])
    reference = KnnReference(
        labels=labels,
        centroids=rows.reshape(2, 8, 5, -1).mean(axis=2).reshape(16, -1),
        owners=np.repeat(np.arange(2), 8),
        mean=rows.mean(axis=(0, 1)),
        scale=rows.std(axis=(0, 1)) + np.float32(0.01),
        familiar=np.zeros(2, np.float32),
        rate=RATE,
        length=LENGTH,
        data=("made up",),
    )
    others = np.concatenate([windows_of_motion(label, 60, seed=5) for label in labels])
    distances = reference.distances(features(others, RATE))
    familiar = np.quantile(distances, np.linspace(0, 1, 101)).astype(np.float32)
    return replace(reference, familiar=familiar)
