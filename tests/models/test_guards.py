from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from harpi import shipped
from harpi_models.errors import ConversionRefused
from harpi_models.guards import check_tables, check_training, probe_windows
from harpi_models.merge import FILE_IDENTIFIER, read
from harpi_models.operators import NEWEST


@pytest.fixture(scope="module")
def content() -> bytes:
    return shipped.path("models/generic.tflite").read_bytes()


def changed(content: bytes, change: Callable[[Any], None]) -> bytes:
    """The file with something done to its tables."""
    model = read(content)
    change(model)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def test_the_shipped_file_passes(content: bytes) -> None:
    assert check_tables(content) > 50


def test_refuses_custom_operators(content: bytes) -> None:
    def change(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = schema.BuiltinOperator.CUSTOM
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "FlexReluGrad"

    with pytest.raises(ConversionRefused, match="FlexReluGrad"):
        check_tables(changed(content, change))


@pytest.mark.parametrize("name", ["VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"])
def test_refuses_operators_with_state(content: bytes, name: str) -> None:
    def change(model: Any) -> None:
        model.operatorCodes[0].builtinCode = getattr(schema.BuiltinOperator, name)

    with pytest.raises(ConversionRefused, match=f"{name} keeps state"):
        check_tables(changed(content, change))


def test_refuses_operators_newer_than_the_oldest_runtime(content: bytes) -> None:
    def change(model: Any) -> None:
        for code in model.operatorCodes:
            if code.builtinCode == schema.BuiltinOperator.CONV_2D:
                code.version = NEWEST["CONV_2D"] + 1

    with pytest.raises(ConversionRefused, match="CONV_2D version"):
        check_tables(changed(content, change))


def test_refuses_inputs_without_a_dimension(content: bytes) -> None:
    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.tensors[graph.inputs[0]].shape = None

    with pytest.raises(ConversionRefused, match="has no dimension"):
        check_tables(changed(content, change))


def test_refuses_a_file_that_does_not_learn(content: bytes) -> None:
    import msgspec
    from ai_edge_litert.interpreter import Interpreter

    from harpi.recognition.model_file import ModelFile

    metadata = ModelFile.parse(content, "generic").metadata
    interpreter = Interpreter(model_content=content)
    check_training(interpreter, metadata, 3)
    still = msgspec.structs.replace(metadata.head, learning_rate=1e-30)
    with pytest.raises(ConversionRefused, match="does not lower the loss"):
        check_training(interpreter, msgspec.structs.replace(metadata, head=still), 3)


def test_probes_are_plausible() -> None:
    import numpy as np

    windows = probe_windows((64, 6), np.random.default_rng(0))
    assert 0.8 < np.linalg.norm(windows[..., :3].mean(axis=(0, 1))) < 1.2
    assert 20 < windows[..., 3:].std() < 400
    images = probe_windows((32, 32, 3), np.random.default_rng(0))
    assert images.min() >= 0
    assert images.max() <= 255


@pytest.mark.models
def test_notices_lost_weights() -> None:
    from dataclasses import replace

    from harpi_models.converter import convert_model
    from harpi_models.guards import check_file
    from harpi_models.heads import softmax_head
    from harpi_models.optimizers import Sgd
    from tests.models.support import digit_base

    base = digit_base()
    converted = convert_model(base, softmax_head(), Sgd())
    stages = [replace(stage, weight_values=10**6) for stage in base.stages]
    with pytest.raises(ConversionRefused, match="for 8000000 bytes of weights"):
        check_file(converted.content, converted.metadata, replace(base, stages=tuple(stages)))


@pytest.mark.models
def test_notices_outputs_that_are_not_the_base_s() -> None:
    from dataclasses import replace

    from harpi_models.converter import convert_model
    from harpi_models.guards import check_file
    from harpi_models.heads import softmax_head
    from harpi_models.optimizers import Sgd
    from tests.models.support import digit_base

    base = digit_base()
    converted = convert_model(base, softmax_head(), Sgd())
    last = base.stages[-1]

    def other(**inputs: Any) -> dict[str, Any]:
        return {name: value * 1.01 for name, value in last.function(**inputs).items()}

    stages = (*base.stages[:-1], replace(last, function=other))
    with pytest.raises(ConversionRefused, match="differs from the base"):
        check_file(converted.content, converted.metadata, replace(base, stages=stages))
