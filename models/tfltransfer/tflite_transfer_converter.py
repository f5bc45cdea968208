"""The converter, as `tfltransfer.tflite_transfer_converter` called it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FILE_NAME = "model.tflite"


class TFLiteTransferConverter:
    """Base, head and optimiser to one trainable file.

    Args:
        num_classes: not fixed in the file, which takes any number.
        base_model: of `tfltransfer.bases`.
        head_model: of `tfltransfer.heads`.
        optimizer: of `tfltransfer.optimizers`.
        train_batch_size: suggested to whoever trains.
    """

    def __init__(
        self,
        num_classes: int,
        base_model: Any,
        head_model: Any,
        optimizer: Any,
        train_batch_size: int,
    ) -> None:
        self.num_classes = num_classes
        self.base_model = base_model
        self.head_model = head_model
        self.optimizer = optimizer
        self.train_batch_size = train_batch_size

    def convert(self) -> Any:
        """Convert and check; see `harpi_models.converter.convert_model`."""
        from harpi_models.converter import convert_model

        head, tail = self.head_model.made()
        return convert_model(
            self.base_model.made(tail),
            head,
            self.optimizer,
            quantization="dynamic" if self.base_model.quantize else "none",
            batch_size=self.train_batch_size,
        )

    def convert_and_save(self, out_model_dir: str | Path) -> None:
        """Write `model.tflite` to a folder, which is made where it is missing."""
        self.convert().write(Path(out_model_dir) / FILE_NAME)
