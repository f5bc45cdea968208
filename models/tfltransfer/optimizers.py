"""Optimisers, as `tfltransfer.optimizers` called them."""

from __future__ import annotations

from harpi_models.optimizers import Adam
from harpi_models.optimizers import Sgd as SGD

__all__ = ["SGD", "Adam"]
