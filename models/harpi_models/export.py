"""A way out: the base with its taught head, or its own classifier, as a plain model.

A model file of harpi has signatures, open classes and a head apart. What is exported has one
input and one output, the head's parameters are constants in it, and every tensor has a name,
so that other runtimes read it: TensorFlow Lite, ONNX Runtime, the K210.
"""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from harpi.recognition.head import Head
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ImageInput, ImuInput, ModelFile
from harpi.types import FloatArray
from harpi_models.errors import ExportRefused, MissingLibrary
from harpi_models.guards import probe_windows
from harpi_models.merge import Builder, names_of, signature_of

FORMATS: Final = ("tflite", "onnx", "kmodel")
TOLERANCE: Final = 1e-5
"""Largest difference of a probability between the device and what was exported in float32."""
OPSET: Final = 13
"""Of ONNX: ONNX Runtime 1.7 and later read it, and so does ML.NET 1.5.5."""
OUTPUT: Final = "probabilities"
PROBES: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Answering:
    """A model file with what it is to answer by.

    Attributes:
        file: the base.
        head: taught on it; None for the base's own classifier.
    """

    file: ModelFile
    head: Head | None

    @classmethod
    def read(cls, model: Path, head: Path | None) -> Answering:
        """Read both files.

        Raises:
            ModelError: one of them is missing or damaged, or they do not belong together.
            ExportRefused: there is nothing that answers, or the head needs more than the base.
        """
        file = ModelFile.read(model)
        if head is None:
            if not file.metadata.labels:
                raise ExportRefused(
                    "this base has no classifier of its own",
                    where=str(model),
                    remedy="Give a --head that was taught on it",
                )
            return cls(file, None)
        taught = Head.read(head)
        taught.check(file)
        if taught.joined:
            raise ExportRefused(
                "this head also learnt from the signal features, which harpi computes outside "
                "the network, so no other runtime can run it",
                where=str(head),
                remedy="Train one on the base alone: harpi train --set learning.head=gradient",
            )
        return cls(file, taught)

    @property
    def labels(self) -> tuple[str, ...]:
        """What it answers with, in order."""
        return self.file.metadata.labels if self.head is None else self.head.labels

    @property
    def parameters(self) -> dict[str, FloatArray]:
        """Of the head, by name; empty for the base's own classifier."""
        return {} if self.head is None else dict(self.head.parameters)

    def on_device(self, windows: FloatArray) -> FloatArray:
        """What the device answers, ``[N, C]``."""
        name = "generic" if self.head is None else "infer_window"
        answer = Interpreter(self.file).run(name, {"window": windows, **self.parameters})
        return np.array(answer[OUTPUT])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one window."""
        kind = self.file.metadata.input
        if isinstance(kind, ImageInput):
            return (kind.size, kind.size, 3)
        if isinstance(kind, ImuInput):
            return (kind.length, len(kind.channels))
        return (kind.length,)

    def probes(self) -> FloatArray:
        """Made-up windows to compare on."""
        rng = np.random.default_rng(1)
        return np.concatenate([probe_windows(self.shape, rng) for _ in range(PROBES)])[:PROBES]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        difference: largest difference of a probability to the device's.
        agreeing: probes with the same answer, of
        probes: that many.
    """

    path: Path
    difference: float
    agreeing: int
    probes: int


def plain_tflite(answering: Answering, *, batch: int | None = None) -> bytes:
    """The network as a plain `.tflite`: `window` in, `probabilities` out.

    Args:
        answering: base and head.
        batch: windows at once; None leaves it open.
    """
    out = Builder()
    model = out.take(answering.file.content)
    name = "generic" if answering.head is None else "infer_window"
    signature = signature_of(model, name)
    inputs, outputs = names_of(signature)
    graph = copy.copy(model.subgraphs[signature.subgraphIndex])
    graph.tensors = [copy.copy(tensor) for tensor in graph.tensors]
    constants: dict[int, tuple[int, ...]] = {}
    for key, value in answering.parameters.items():
        place = inputs.pop(key)
        constants[place] = value.shape
        tensor = graph.tensors[place]
        tensor.buffer = out.constant(np.ascontiguousarray(value, np.float32).tobytes())
        tensor.shape, tensor.shapeSignature = list(value.shape), None
    _close_classes(graph, constants, len(answering.labels))
    if batch is not None:
        for tensor in graph.tensors:
            tensor.shapeSignature = None
    out.add("serving_default", graph, inputs, outputs)
    return out.finish()


def _close_classes(graph: Any, constants: dict[int, tuple[int, ...]], classes: int) -> None:
    """Write the number of classes into the shapes that left it open."""
    for operator in graph.operators:
        # A product with the head's weights turns them first.
        turned = constants.get(int(operator.inputs[0]))
        if turned is not None and len(turned) == 2:
            tensor = graph.tensors[operator.outputs[0]]
            tensor.shape, tensor.shapeSignature = list(reversed(turned)), None
    for tensor in graph.tensors:
        signature = tensor.shapeSignature
        if signature is not None and list(signature) == [-1, -1]:
            tensor.shape, tensor.shapeSignature = [1, classes], [-1, classes]


def export(
    answering: Answering, kind: str, path: Path, *, tell: Callable[[str], None]
) -> Exported:
    """Write a network in a format, and compare it with the device.

    Args:
        answering: base and head.
        kind: `tflite` or `onnx`; the K210 has `harpi_models.k210.export_kmodel`.
        path: of the file.
        tell: told what is done.

    Raises:
        ExportRefused: an operator that the format lacks, or answers that differ.
        MissingLibrary: what writes the format is not installed.
        OutputFailed: the file cannot be written.
    """
    from harpi_models.output import write_result

    content = plain_tflite(answering)
    if kind == "onnx":
        content = _to_onnx(content)
        run = _onnx_runner(content)
    else:
        run = _tflite_runner(content)
    tell(f"{kind}: {len(content) / 1024:.1f} KiB, {len(answering.labels)} classes")
    windows = answering.probes()
    wanted = answering.on_device(windows)
    got = run(windows)
    difference = float(np.max(np.abs(got - wanted)))
    if got.shape != wanted.shape or not difference <= TOLERANCE:
        raise ExportRefused(
            f"the {kind} file answers differently from the device, by up to {difference:.2g}",
            where=str(path),
            remedy="Export a base that is not quantised, or take the .tflite",
        )
    write_result(path, content)
    write_result(path.with_suffix(".labels.txt"), ("\n".join(answering.labels) + "\n").encode())
    agreeing = int(np.sum(np.argmax(got, axis=1) == np.argmax(wanted, axis=1)))
    return Exported(path, difference, agreeing, len(windows))


def _tflite_runner(content: bytes) -> Callable[[FloatArray], FloatArray]:
    from ai_edge_litert.interpreter import Interpreter as LiteRt

    runner = LiteRt(model_content=content, num_threads=1).get_signature_runner(
        "serving_default"
    )
    return lambda windows: np.array(runner(window=windows)[OUTPUT])


def _onnx_runner(content: bytes) -> Callable[[FloatArray], FloatArray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda windows: np.array(session.run([OUTPUT], {"window": windows})[0])


def _to_onnx(content: bytes) -> bytes:
    """Convert a plain `.tflite` to ONNX, in another process, because tf2onnx logs a lot."""
    for library in ("tf2onnx", "onnx", "onnxruntime"):
        if importlib.util.find_spec(library) is None:
            raise MissingLibrary(
                f"{library} is not installed",
                where="export",
                remedy="Install what writes ONNX: pip install 'harpi[export]'",
            )
    with tempfile.TemporaryDirectory(prefix="harpi-models-") as folder:
        source, target = Path(folder) / "model.tflite", Path(folder) / "model.onnx"
        source.write_bytes(content)
        command = [
            sys.executable,
            "-m",
            "tf2onnx.convert",
            "--tflite",
            str(source),
            "--output",
            str(target),
        ]
        ended = subprocess.run(  # noqa: S603 - fixed words
            [*command, "--opset", str(OPSET)], capture_output=True, text=True, check=False
        )
        if ended.returncode != 0 or not target.exists():
            lines = [line for line in ended.stderr.splitlines() if line.strip()] or ["nothing"]
            raise ExportRefused(
                f"tf2onnx cannot convert it: {lines[-1][:200]}",
                where="export",
                remedy="Take the .tflite",
            )
        return target.read_bytes()
