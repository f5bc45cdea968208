"""Keras archives: read, and made over where the device could not run them as they are.

Half precision and loops are matters of how a network is computed, not of what it learnt.
TensorFlow Lite has no loop and no half precision among its builtin operators, so a network is
built again from its own description, in 32 bits and with recurrent layers unrolled, and takes
its weights over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import keras

from harpi_models.errors import BaseRefused, HeadRefused

ARCHIVES: Final = (".keras", ".h5", ".hdf5")
_HALF: Final = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "half")
_RECURRENT: Final = ("LSTM", "GRU", "SimpleRNN", "RNN")
LONGEST_UNROLLED: Final = 512
"""Steps; a longer unrolled layer takes minutes to convert."""

Refused = type[BaseRefused] | type[HeadRefused]


def load_archive(path: Path, error: Refused) -> Any:
    """Read a `.keras` or `.h5` file.

    Args:
        path: the file.
        error: what is raised.

    Raises:
        BaseRefused, HeadRefused: it is missing, damaged, holds weights only, or code.
    """
    if not path.is_file():
        raise error("there is no such file", where=str(path), remedy="Check the path")
    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, NotImplementedError) as problem:
        if "ambda" in str(problem):
            raise error(
                "it holds a Lambda layer, which is Python code inside the file; harpi runs no "
                "code from files",
                where=str(path),
                remedy="Replace it by a layer such as keras.layers.Rescaling, or export the "
                "model with model.export('folder') where it was made, and give the folder",
            ) from problem
        if "No model config" in str(problem) or path.name.endswith(".weights.h5"):
            raise error(
                "it holds weights only, not the network that they belong to",
                where=str(path),
                remedy="Build the network, call load_weights() with this file, and save it "
                "with model.save('name.keras')",
            ) from problem
        if "Could not locate class" in str(problem):
            raise _subclassed(path, error) from problem
        raise _unreadable(path, problem, error) from problem
    except (OSError, KeyError, AttributeError) as problem:
        raise _unreadable(path, problem, error) from problem
    if not getattr(model, "inputs", None):
        raise _subclassed(path, error)
    return model


def runnable(model: Any, tell: Callable[[str], None]) -> Any:
    """Give a model as the device can run it: in 32 bits, recurrent layers unrolled.

    Args:
        model: sequential or functional.
        tell: told what was changed.

    Returns:
        The model itself where nothing has to change, or where it cannot be built anew.
    """
    changed: dict[str, list[str]] = {"half": [], "loops": []}
    config = _made_over(model.get_config(), changed)
    if not changed["half"] and not changed["loops"]:
        return model
    try:
        made = type(model).from_config(config)
        made.set_weights(model.get_weights())
    except (ValueError, TypeError, KeyError, NotImplementedError):
        return model
    if changed["half"]:
        tell(
            f"computed in 32 bits, not in {changed['half'][0]}: answers differ from Keras' in "
            "the third digit"
        )
    if changed["loops"]:
        tell(f"recurrent layers unrolled: {', '.join(changed['loops'])}")
    return made


def _made_over(value: Any, changed: dict[str, list[str]]) -> Any:
    """A description with half precision and loops replaced; notes them in `changed`."""
    if isinstance(value, (list, tuple)):
        return type(value)(_made_over(item, changed) for item in value)
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "DTypePolicy" or str(value.get("class_name")) == "Policy":
        name = value["config"]["name"]
        if name in _HALF:
            changed["half"].append(name)
            return value | {"config": {"name": "float32"}}
        return value
    found = {key: _made_over(item, changed) for key, item in value.items()}
    if isinstance(found.get("dtype"), str) and found["dtype"] in _HALF:
        changed["half"].append(found["dtype"])
        found["dtype"] = "float32"
    config = found.get("config")
    if value.get("class_name") in _RECURRENT and isinstance(config, dict):
        steps = _steps(found)
        if not config.get("unroll") and (steps is None or steps <= LONGEST_UNROLLED):
            changed["loops"].append(str(config.get("name")))
            found["config"] = config | {"unroll": True}
    return found


def _steps(layer: dict[str, Any]) -> int | None:
    """Length of the sequences that a recurrent layer takes; None where it is not written."""
    shape: list[Any] = list((layer.get("build_config") or {}).get("input_shape") or ())
    return shape[1] if len(shape) > 1 and isinstance(shape[1], int) else None


def _subclassed(path: Path, error: Refused) -> BaseRefused | HeadRefused:
    return error(
        "its network is Python code of its own (a subclass), which the file does not hold",
        where=str(path),
        remedy="Export it with model.export('folder') where it was made, and give the folder",
    )


def _unreadable(path: Path, problem: Exception, error: Refused) -> BaseRefused | HeadRefused:
    first = (str(problem).splitlines() or [type(problem).__name__])[0]
    return error(
        f"Keras cannot load it: {first[:160].rstrip('.')}",
        where=str(path),
        remedy="Save it with model.save('name.keras')",
    )
