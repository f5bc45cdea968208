"""The base of a model file that harpi made before: another head, optimiser or classifier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from harpi.errors import ModelError
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import BUFFER_NAME, AnyInput, ModelFile
from harpi.types import FloatArray
from harpi_models.bases import freeze, window_shape
from harpi_models.errors import BaseRefused
from harpi_models.merge import FILE_IDENTIFIER, read
from harpi_models.quantization import Quantization, Stage, StageFile, stage_files


@dataclass(frozen=True, slots=True)
class FileBase:
    """A base as it is in a model file; its weights are taken over as they are.

    Attributes:
        file: the verified model file.
        name: shown to people.
        version: of the weights.
    """

    file: ModelFile
    name: str
    version: str

    @classmethod
    def read(
        cls, path: Path, *, name: str | None = None, version: str | None = None
    ) -> FileBase:
        """Read a model file.

        Args:
            path: the file.
            name: shown to people; the file's own by default.
            version: of the weights; the file's own by default.

        Raises:
            BaseRefused: it is a `.tflite` that harpi did not make.
            ModelError: it is missing or damaged.
        """
        try:
            file = ModelFile.read(path)
        except ModelError as error:
            if missing := _missing(path):
                raise BaseRefused(
                    f"harpi did not make this .tflite: it lacks {missing}",
                    where=str(path),
                    remedy="A plain .tflite can be neither cut nor trained. Give the Keras "
                    "model or the SavedModel that it was converted from",
                ) from error
            raise
        return cls(file, name or file.metadata.name, version or file.metadata.version)

    @property
    def input(self) -> AnyInput:
        """What a window is."""
        return self.file.metadata.input

    @property
    def features(self) -> int:
        """Length of the vector it gives."""
        return self.file.metadata.features

    @property
    def labels(self) -> tuple[str, ...]:
        """What its own classifier answers with."""
        return self.file.metadata.labels

    @property
    def licence(self) -> str:
        """Of the weights."""
        return self.file.metadata.licence

    @property
    def data(self) -> tuple[str, ...]:
        """Names of the data sets it was trained on."""
        return self.file.metadata.data

    @property
    def unknown_below(self) -> float | None:
        """Confidence under which its classifier's answer means *unknown*."""
        return self.file.metadata.unknown_below

    @property
    def quantization(self) -> Quantization:
        """How its weights are stored."""
        return self.file.metadata.quantization

    @property
    def window_shape(self) -> tuple[int, ...]:
        """Shape of one window."""
        return window_shape(self.input)

    def weight_bytes(self, quantization: Quantization) -> int:
        """Unknown; what it gives is compared instead."""
        del quantization
        return 0

    def files(
        self, quantization: Quantization, representative: FloatArray | None
    ) -> list[StageFile]:
        """The file itself: `bottleneck`, and `generic` where there is one.

        Raises:
            BaseRefused: it was asked to quantise.
        """
        del representative
        if quantization != "none":
            raise BaseRefused(
                "a model file's base cannot be quantised again",
                where=self.file.path,
                remedy="Take one of the quantised files that harpi-models train wrote",
            )
        names = ["bottleneck", "generic"] if self.labels else ["bottleneck"]
        return [(self.file.content, name) for name in names]

    def run(self, windows: FloatArray) -> dict[str, FloatArray]:
        """Features ``[N, F]`` and, with labels, probabilities ``[N, C]`` of windows."""
        interpreter = Interpreter(self.file)
        found = dict(interpreter.run("bottleneck", {"window": windows}))
        if self.labels:
            found |= interpreter.run("generic", {"window": windows})
        return {name: np.array(value) for name, value in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class TaughtBase(FileBase):
    """The features of a model file as they are, under a classifier that was taught anew.

    Attributes:
        kernel: of the classifier, ``[F, C]``.
        bias: of the classifier, ``[C]``.
        learnt_from: names of the data sets of features and classifier.
        limit: confidence under which its answer means *unknown*.
    """

    kernel: FloatArray
    bias: FloatArray
    learnt_from: tuple[str, ...] = ()
    limit: float | None = None

    @property
    def data(self) -> tuple[str, ...]:
        """Names of the data sets it was trained on."""
        return self.learnt_from

    @property
    def unknown_below(self) -> float | None:
        """Confidence under which its classifier's answer means *unknown*."""
        return self.limit

    def files(
        self, quantization: Quantization, representative: FloatArray | None
    ) -> list[StageFile]:
        """The file for `bottleneck`, and a stage for `generic`.

        Raises:
            BaseRefused: it was asked to quantise.
        """
        bottleneck = FileBase.files(self, quantization, representative)[:1]
        return bottleneck + stage_files([self._classifier()], (self.features,))

    def run(self, windows: FloatArray) -> dict[str, FloatArray]:
        """Features ``[N, F]`` and probabilities ``[N, C]`` of windows."""
        features = Interpreter(self.file).run("bottleneck", {"window": windows})["features"]
        told = self._classifier().function(features=tf.constant(features))["probabilities"]
        return {
            "features": np.array(features),
            "probabilities": np.asarray(told, np.float32),
        }

    def _classifier(self) -> Stage:
        def classify(features: Any) -> dict[str, Any]:
            return {"probabilities": ops.softmax(ops.matmul(features, self.kernel) + self.bias)}

        return freeze(classify, {"features": (None, self.features)}, quantize=False)


def _missing(path: Path) -> str:
    """What a readable `.tflite` lacks to be a model file of harpi; empty where it is none."""
    content = path.read_bytes() if path.is_file() else b""
    if content[4:8] != FILE_IDENTIFIER:
        return ""
    try:
        model = read(content)
    except Exception:  # noqa: BLE001 - the generated classes raise whatever a bad offset hits
        return ""
    names = {
        m.name.decode() if isinstance(m.name, bytes) else m.name for m in model.metadata or []
    }
    signatures = {
        s.signatureKey.decode() if isinstance(s.signatureKey, bytes) else s.signatureKey
        for s in model.signatureDefs or []
    }
    wanted = ("bottleneck", "initialize", "train", "infer")
    lacking = [f"the signature {name!r}" for name in wanted if name not in signatures]
    if BUFFER_NAME not in names:
        lacking.append(f"the metadata {BUFFER_NAME!r}")
    return ", ".join(lacking)
