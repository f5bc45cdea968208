"""Optimisers, as `tfltransfer.optimizers` called them."""

from __future__ import annotations

from harpi_models.optimizers import Adam, Sgd

SGD = Sgd

__all__ = ["SGD", "Adam"]
