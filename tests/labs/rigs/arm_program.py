"""What a Pi does with a model, in figures: `python arm_program.py`; prints JSON.

It is run here and on another architecture, and the figures are compared.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np

from harpi import shipped
from harpi.recognition.classifiers import GenericClassifier, imu_input
from harpi.recognition.head_trainer import HeadTrainer
from harpi.recognition.interpreter import Interpreter, load_runtime
from harpi.recognition.model_file import ModelFile
from harpi.recording import Recording
from harpi.signal.windows import windows_of

LABELS = ("walking", "sitting")


def of_two_layers(windows: np.ndarray) -> dict[str, list[float]]:
    """What a Keras head of two layers with L2, dropout and momentum learns in 20 epochs."""
    model = ModelFile.read(Path(__file__).parents[2] / "data" / "tiny_mlp.tflite")
    rows = Interpreter(model).run("bottleneck", {"window": windows})["features"]
    trainer = HeadTrainer(model)
    state = trainer.initial(LABELS)
    for _ in range(20):
        state, loss = trainer.epoch(
            state,
            rows,
            np.arange(len(rows)) % len(LABELS),
            np.ones(len(rows), np.float32),
            learning_rate=model.metadata.head.learning_rate,
            batch_size=model.metadata.head.batch_size,
        )
    learnt = {name: array.ravel().tolist() for name, array in state.parameters.items()}
    return {**learnt, "loss": [loss]}


def main() -> None:
    recording = Recording.read(shipped.path("models/recordings/hapt_25_26.npz"))
    base = ModelFile.read(shipped.path("models/generic.tflite"))
    form = imu_input(base)
    windows = windows_of(
        recording.values[:3000],
        recording.rate,
        rate=form.rate,
        length=form.length,
        hop=form.length,
    )
    interpreter = Interpreter(base)
    rows = interpreter.run("bottleneck", {"window": windows})["features"]
    targets = np.eye(len(LABELS), dtype=np.float32)[np.arange(len(rows)) % len(LABELS)]
    trainer = HeadTrainer(base)
    state, loss = trainer.step(
        trainer.initial(LABELS), rows, targets, np.ones(len(rows), np.float32), 0.01
    )
    figures = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "runtime": load_runtime().__name__.split(".")[0],
        "generic": [p.probabilities.tolist() for p in GenericClassifier(base).predict(windows)],
        "features": rows.tolist(),
        "loss": loss,
        "of two layers": of_two_layers(windows),
        "parameters": {name: array.tolist() for name, array in state.parameters.items()},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
