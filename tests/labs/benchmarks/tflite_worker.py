"""Runs a model with tflite-runtime in a Python of its own, which has an older NumPy.

PYTHON tflite_worker.py MODEL SIGNATURE; then a line with a number of runs gets a line with the
CPU seconds of each. It needs nothing else of this project.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from tflite_runtime import interpreter as tflite


def main(model: str, signature: str) -> None:
    interpreter = tflite.Interpreter(
        model_content=Path(model).read_bytes(),
        num_threads=1,
        experimental_op_resolver_type=tflite.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    run = interpreter.get_signature_runner(signature)
    shape = run.get_input_details()["window"]["shape_signature"]
    window = np.random.default_rng(1).normal(size=(1, *shape[1:])).astype(np.float32)
    for line in sys.stdin:
        begin = time.process_time()
        for _ in range(int(line)):
            run(window=window)
        print((time.process_time() - begin) / int(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
