"""The TensorFlow Lite interpreter, with every input checked before it goes in.

The runtimes take wrong shapes silently, return plausible nonsense for NaN, and crash when
two threads use one interpreter. None of that gets past this module.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import ModelError
from harpi.recognition.model_file import ModelFile
from harpi.types import AXES, FloatArray

_ANY_SIZE: Final = -1

log = logging.getLogger(__name__)


def load_runtime(model: bytes | None = None) -> ModuleType:
    """Import the module of the TFLite runtime that is installed, LiteRT first.

    Where none is, or none that works with the NumPy or on the processor that is there,
    harpi's own runtime answers the same from NumPy alone, and takes longer.

    Args:
        model: a file to try it on, once in a process of its own: a runtime that was built for
            another computer does not raise, it takes its process along.
    """
    names = ["ai_edge_litert"]
    # Its interpreter fails with later versions of NumPy, though it can be imported.
    if int(np.__version__.split(".")[0]) < 2:
        names.append("tflite_runtime")
    for name in names:
        try:
            found = find_spec(name)
        except ValueError:  # a module without a spec, as tests make them
            found = None
        if found is None and sys.modules.get(name) is None:
            continue
        if model is not None and (problem := problem_of(name, model)):
            log.warning("%s does not work here (%s); NumPy takes its place", name, problem)
            continue
        try:
            return import_module(f"{name}.interpreter")
        except ImportError as error:
            log.warning("%s cannot be imported (%s); NumPy takes its place", name, error)
    from harpi.recognition import numpy_runtime

    return numpy_runtime


_problems: dict[str, str] = {}


def problem_of(runtime: str, model: bytes) -> str:
    """Say why a runtime does not work on this computer; empty where it does. It is tried once.

    What a runtime says of a model is not its own problem.
    """
    if runtime not in _problems:
        _problems[runtime] = _try(runtime, model)
    return _problems[runtime]


def _try(runtime: str, model: bytes) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            [sys.executable, "-P", "-c", _TRIAL, runtime],
            input=model,
            capture_output=True,
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it does not answer in {TRIAL_SECONDS:g} s"
    except OSError as error:
        log.warning("%s could not be tried: %s", runtime, error.strerror)
        return ""
    if done.returncode < 0:
        return f"it is killed by {signal.Signals(-done.returncode).name}"
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"it ends with {done.returncode}"
    return ""


TRIAL_SECONDS: Final = 60.0
"""A runtime that takes longer for one model is none; the slowest Pi takes some seconds."""

_TRIAL: Final = """
import sys
from importlib import import_module
import numpy
runtime = import_module(sys.argv[1] + ".interpreter")
try:
    interpreter = runtime.Interpreter(
        model_content=sys.stdin.buffer.read(),
        num_threads=1,
        experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    runners = [interpreter.get_signature_runner(n) for n in interpreter.get_signature_list()]
    for runner in runners[:1]:
        details = runner.get_input_details().items()
        runner(**{
            name: numpy.ones([max(1, n) for n in one["shape_signature"]], one["dtype"])
            for name, one in details
        })
except (ValueError, RuntimeError):
    pass
"""


@dataclass(frozen=True, slots=True)
class _Input:
    """What an input of a signature must be."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def problem(self, array: NDArray[Any]) -> str:
        """What is wrong with an array; empty where nothing is."""
        if array.dtype != self.dtype:
            return f"is {array.dtype}, must be {self.dtype}"
        given = array.shape
        if given != self.shape and (
            len(given) != len(self.shape)
            or any(a not in (b, _ANY_SIZE) for a, b in zip(self.shape, given, strict=True))
        ):
            return f"has shape {list(given)}, must be {list(self.shape)}"
        if array.size == 0:
            return "is empty"
        return "" if np.isfinite(array).all() else "holds values that are not finite"


class Interpreter:
    """One model, ready to run, for one thread at a time.

    Args:
        model: the verified file.
        threads: how many threads of the runtime's own may share the work of one call.

    Raises:
        ModelError: the runtime refuses the model.
    """

    def __init__(self, model: ModelFile, threads: int = 1) -> None:
        runtime = load_runtime(model.content)
        self._where = model.path
        self._content = model.content  # the runtime does not keep it alive
        try:
            self._interpreter = runtime.Interpreter(
                model_content=self._content,
                num_threads=threads,
                # Without XNNPACK, which announces itself on standard error, maps memory to
                # execute, and gains nothing that a window every half second would notice.
                experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            names = list(self._interpreter.get_signature_list())
            runners = {name: self._interpreter.get_signature_runner(name) for name in names}
            self._inputs = {
                name: {
                    key: _Input(
                        np.dtype(detail["dtype"]), tuple(map(int, detail["shape_signature"]))
                    )
                    for key, detail in runners[name].get_input_details().items()
                }
                for name in names
            }
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"the runtime refuses the model: {error}",
                where=self._where,
                remedy="Convert it again with this version of harpi-models",
            ) from error
        self._runners: dict[str, Any] = runners
        self._busy = threading.Lock()

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of what the model can do."""
        return tuple(self._runners)

    def run(self, signature: str, inputs: Mapping[str, NDArray[Any]]) -> dict[str, FloatArray]:
        """Run a signature.

        Args:
            signature: its name.
            inputs: an array for every input, by name; finite, exactly of the input's dtype
                and shape (any size where the model leaves the size open).

        Returns:
            Arrays of the caller's own, by the names of the outputs.

        Raises:
            ModelError: the model has no such signature, or an input does not fit it.
            RuntimeError: another thread is using this interpreter at this moment.
        """
        self._require(signature)
        self._check_all(signature, inputs)
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(
                f"{self._where}: two threads use one interpreter; give each its own"
            )
        try:
            outputs: dict[str, FloatArray] = self._runners[signature](**inputs)
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"`{signature}` fails: {error}",
                where=self._where,
                remedy="Convert the model again with this version of harpi-models",
            ) from error
        finally:
            self._busy.release()
        return outputs

    def check(self, signature: str, name: str, array: NDArray[Any]) -> None:
        """Make sure that an array fits an input, without running anything.

        Raises:
            ModelError: it does not.
        """
        if problem := self._inputs[signature][name].problem(array):
            raise self._refusal(f"`{name}` of `{signature}` {problem}")

    def _require(self, signature: str) -> None:
        """Raise where the model lacks a signature."""
        if signature not in self._runners:
            raise ModelError(
                f"the model has no signature `{signature}`, only {_listed(self._runners)}",
                where=self._where,
                remedy="Convert it with `harpi-models convert`",
            )

    def _check_all(self, signature: str, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Raise where inputs are not exactly what the signature takes."""
        wanted = self._inputs[signature]
        if inputs.keys() != wanted.keys():
            raise self._refusal(f"`{signature}` takes {_listed(wanted)}, got {_listed(inputs)}")
        for name, array in inputs.items():
            self.check(signature, name, array)

    def _refusal(self, problem: str) -> ModelError:
        return ModelError(
            problem, where=self._where, remedy="Give what the model's metadata describes"
        )


def _listed(names: Mapping[str, Any]) -> str:
    """Names for a message, sorted."""
    return ", ".join(f"`{name}`" for name in sorted(names)) or "nothing"


def check_windows(windows: FloatArray, length: int, where: str) -> None:
    """Make sure that windows can be judged.

    Args:
        windows: must be ``[n, length, 6]`` and finite.
        length: samples that a window must have.
        where: the recogniser, for the message.

    Raises:
        ModelError: they cannot.
    """
    if windows.ndim != 3 or windows.shape[1:] != (length, len(AXES)):
        raise ModelError(
            f"windows have the shape {list(windows.shape)}, must be [n, {length}, {len(AXES)}]",
            where=where,
            remedy="Set `signal.length` and `signal.rate` to those of the model",
        )
    if not np.isfinite(windows).all():
        raise ModelError(
            "windows hold values that are not finite",
            where=where,
            remedy="Look at the sensor: `harpi watch` shows its health",
        )
