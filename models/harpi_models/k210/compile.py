"""Compile for the K210 and ask the chip's simulator; runs on Python 3.10 with nncase 1.9.

    python compile.py FOLDER

The folder holds `model.onnx` or `model.tflite`, `inputs.npy` (float32, the windows to calibrate
and to ask with) and receives `model.kmodel` and `outputs.npy`. Images ``[N, S, S, 3]`` become
what the camera of the chip gives: bytes, one plane for each colour.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nncase
import numpy as np


def main(folder: Path) -> None:
    """Compile what the folder holds and run it."""
    inputs = np.load(folder / "inputs.npy")
    image = inputs.ndim == 4
    if image:
        inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)).clip(0, 255)
        inputs = inputs.round().astype(np.uint8)
    options = nncase.CompileOptions()
    options.target = "k210"
    options.dump_ir = options.dump_asm = False
    options.quant_type = options.w_quant_type = "uint8"
    options.input_type = "uint8" if image else "float32"
    if image:
        options.preprocess = True
        options.input_layout = "NCHW"
        options.input_shape = list(inputs[:1].shape)
        options.input_range = [0, 255]
        options.mean, options.std = [0, 0, 0], [1, 1, 1]
    compiler = nncase.Compiler(options)
    onnx = folder / "model.onnx"
    if onnx.exists():
        compiler.import_onnx(onnx.read_bytes(), nncase.ImportOptions())
    else:
        compiler.import_tflite((folder / "model.tflite").read_bytes(), nncase.ImportOptions())
    calibration = nncase.PTQTensorOptions()
    calibration.samples_count = len(inputs)
    calibration.set_tensor_data(inputs.tobytes())
    compiler.use_ptq(calibration)
    compiler.compile()
    kmodel = compiler.gencode_tobytes()
    (folder / "model.kmodel").write_bytes(kmodel)
    simulator = nncase.Simulator()
    simulator.load_model(kmodel)
    outputs = []
    for one in inputs:
        simulator.set_input_tensor(0, nncase.RuntimeTensor.from_numpy(one[None]))
        simulator.run()
        outputs.append(simulator.get_output_tensor(0).to_numpy().reshape(-1))
    np.save(folder / "outputs.npy", np.stack(outputs).astype(np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
