"""The one place that says what to do where TensorFlow is missing.

Modules that import TensorFlow at their top are themselves imported only after
`require_tensorflow`, so that help and error messages come without it.
"""

from __future__ import annotations

import importlib.util
import os

from harpi_models.errors import MissingLibrary


def require_tensorflow() -> None:
    """Make sure that TensorFlow can be imported, and quieten its start.

    Raises:
        MissingLibrary: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingLibrary(
            "TensorFlow is not installed",
            where="harpi-models",
            remedy="Install the workshop on a workstation: pip install 'harpi[models]'",
        )
