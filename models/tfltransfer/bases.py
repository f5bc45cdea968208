"""Bases, as `tfltransfer.bases` called them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class _NamedBase:
    """A base that is made when the head is known, because that may ask for a map."""

    quantize: bool

    def made(self, tail: Any) -> Any:
        """The base of `harpi_models`."""
        raise NotImplementedError

    def bottleneck_shape(self) -> tuple[int, ...]:
        """Shape of what the head is fed."""
        raise NotImplementedError


class MobileNetV2Base(_NamedBase):
    """MobileNetV2 without its classifier; ImageNet's weights where they can be had.

    Args:
        image_size: side of the square images in pixels.
        alpha: width of the network.
        quantize: store the weights in 8 bits.
        weights: see `harpi_models.applications.application_base`.
    """

    def __init__(
        self,
        image_size: int = 224,
        alpha: float = 1.0,
        quantize: bool = False,
        weights: str | None = "imagenet",
    ) -> None:
        self.image_size = image_size
        self.alpha = alpha
        self.quantize = quantize
        self.weights = weights

    def bottleneck_shape(self) -> tuple[int, ...]:
        """Shape of the last map: a thirty-second of the image, 1280 channels or more."""
        side = -(-self.image_size // 32)
        return (side, side, max(1280, int(1280 * self.alpha)))

    def made(self, tail: Any) -> Any:
        """The base of `harpi_models`."""
        from harpi_models.applications import application_base
        from harpi_models.errors import WeightsUnreachable

        def build(weights: str | None) -> Any:
            return application_base(
                "MobileNetV2",
                image_size=self.image_size,
                alpha=self.alpha,
                weights=weights,
                tail=tail,
            )

        try:
            return build(self.weights)
        except WeightsUnreachable:
            print("warning: ImageNet's weights cannot be had here, the base gets random ones")
            return build(None)


class SavedModelBase(_NamedBase):
    """A SavedModel, whose whole output is what the head is fed.

    Args:
        model_dir: where it is.
        quantize: store the weights in 8 bits.
        preprocess: how pixels are scaled, where the network does not tell.
    """

    def __init__(
        self, model_dir: str | Path, quantize: bool = False, preprocess: str | None = None
    ) -> None:
        self.model_dir = Path(model_dir)
        self.quantize = quantize
        self.preprocess = preprocess

    def bottleneck_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        from harpi_models.errors import BaseRefused
        from harpi_models.saved_models import frozen_signature

        frozen, _ = frozen_signature(self.model_dir, BaseRefused)
        return tuple(frozen.outputs[0].shape)[1:]

    def made(self, tail: Any) -> Any:
        """The base of `harpi_models`."""
        from harpi_models.applications import modules
        from harpi_models.preprocessing import asked_for
        from harpi_models.saved_models import base_from_path

        asked = None if self.preprocess is None else asked_for(self.preprocess, modules())
        return base_from_path(
            self.model_dir, whole=True, vector=True, tail=tail, preprocessing=asked
        )
