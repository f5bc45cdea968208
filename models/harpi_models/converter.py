"""Base x head x optimiser -> one trainable `.tflite` with builtin operators only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harpi.recognition.model_file import NO_DIGEST, HeadDesign, ModelMetadata
from harpi.types import FloatArray
from harpi_models.bases import Base
from harpi_models.file_base import FileBase
from harpi_models.guards import Findings, check_file, check_reading
from harpi_models.heads import Head
from harpi_models.merge import merge, seal
from harpi_models.optimizers import Optimizer
from harpi_models.output import write_result
from harpi_models.quantization import Quantization, StageFile
from harpi_models.signatures import head_signatures

Progress = Callable[[str], None]
PROBES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """A model file that passed the guards.

    Attributes:
        content: the file.
        metadata: what it says about itself, digest included.
        findings: what the guards measured.
    """

    content: bytes
    metadata: ModelMetadata
    findings: Findings

    def write(self, path: Path) -> None:
        """Put the file in place as a whole.

        Raises:
            OutputFailed: the disk is full or the folder cannot be written.
        """
        write_result(path, self.content)


def convert_model(
    base: Base | FileBase,
    head: Head,
    optimizer: Optimizer,
    *,
    quantization: Quantization = "none",
    representative: FloatArray | None = None,
    batch_size: int = 20,
    allow_difference: float | None = None,
    progress: Progress = lambda line: None,
) -> Converted:
    """Convert and check.

    Args:
        base: what gives the features.
        head: what is learnt on the device.
        optimizer: how it is learnt.
        quantization: of the base; the head stays float32.
        representative: windows ``[N, *window_shape]`` that int8 finds its ranges with.
        batch_size: suggested to whoever trains; the file takes any.
        allow_difference: how far the file's outputs may be from the base's, as a share of
            them; by default what is usual for the quantisation.
        progress: told in one line what was done and how large it is.

    Raises:
        HeadRefused: the head does not fit the base.
        ConversionRefused: no builtin operators, or the file failed a guard.
    """
    stages = base.files(quantization, representative)
    size = sum(len(content) for content in {content for content, _ in stages})
    progress(f"base {base.name}: {base.features} features, {_kib(size)}")
    heads = head_signatures(head, optimizer, base.features)
    progress(f"head {head.kind}, optimiser {optimizer.kind}: {_kib(len(heads))}")
    metadata = describe(base, head, optimizer, quantization, batch_size)
    # What is outside the ranges that int8 was given is cut off, and says nothing.
    probes = None if representative is None else representative[:PROBES]
    content, metadata = _sealed(stages, heads, metadata)
    findings = check_file(content, metadata, base, probes, allowed=allow_difference)
    before = base.file.metadata.difference if isinstance(base, FileBase) else None
    rounded = float(f"{max(findings.difference, before or 0.0):.3g}")
    content, metadata = _sealed(
        stages, heads, msgspec.structs.replace(metadata, difference=rounded, digest=NO_DIGEST)
    )
    check_reading(content, metadata)
    progress(
        f"model file: {_kib(len(content))}, {findings.operators} operators, all builtin, "
        f"{findings.difference:.2%} off the base; runs in {', '.join(findings.runtimes)}"
    )
    return Converted(content, metadata, findings)


def describe(
    base: Base | FileBase,
    head: Head,
    optimizer: Optimizer,
    quantization: Quantization,
    batch_size: int,
) -> ModelMetadata:
    """The metadata of a file, its digest still open."""
    parameters = head.parameters(base.features)
    return ModelMetadata(
        name=base.name,
        version=base.version,
        labels=base.labels,
        input=base.input,
        features=base.features,
        head=HeadDesign(
            kind=head.kind,
            hidden=head.hidden,
            dropout=head.dropout,
            optimizer=optimizer.kind,
            learning_rate=optimizer.learning_rate,
            batch_size=batch_size,
            parameters=parameters,
            slots=optimizer.slots(parameters),
        ),
        quantization=base.quantization if isinstance(base, FileBase) else quantization,
        licence=base.licence,
        data=base.data,
        unknown_below=base.unknown_below,
    )


def _sealed(
    stages: list[StageFile], heads: bytes, metadata: ModelMetadata
) -> tuple[bytes, ModelMetadata]:
    """The whole file for some metadata whose digest is open."""
    return seal(merge(stages, heads, msgspec.json.encode(metadata)), metadata)


def _kib(size: int) -> str:
    return f"{size / 1024:.1f} KiB"
