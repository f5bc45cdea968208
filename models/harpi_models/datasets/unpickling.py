"""Pickled arrays without the danger of pickles: nothing but plain arrays may come out."""

from __future__ import annotations

import codecs
import io
import pickle
from typing import Any, Final

import numpy as np

_ALLOWED: Final = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("_codecs", "encode"): codecs.encode,
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise ValueError(f"its pickle wants to make a {module}.{name}") from None


def plain_arrays(content: bytes) -> Any:
    """Read an ``.npy`` whose one object is a pickle of plain arrays, lists and numbers.

    Raises:
        ValueError: it is none, or its pickle wants to make anything else.
    """
    file = io.BytesIO(content)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    try:
        found: Any = _ArraysOnly(file).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, TypeError) as error:
        raise ValueError(f"its pickle is damaged: {error}") from error
    return found.item() if isinstance(found, np.ndarray) else found
