"""A runtime for systems that have none of TensorFlow Lite's: the models, run with NumPy.

It has the operators that harpi's own models are made of, and no others; what the interpreters
of TensorFlow Lite answer, it answers within 1e-5. It presents itself as their modules do, as
far as `harpi.recognition.interpreter` goes.
"""

from __future__ import annotations

from harpi.recognition.numpy_runtime.executor import Interpreter, OpResolverType

__all__ = ["Interpreter", "OpResolverType"]
