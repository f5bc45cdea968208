from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import flatbuffers
import msgspec
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from harpi import shipped
from harpi.recognition.model_file import NO_DIGEST, ModelFile, ModelMetadata
from harpi_models.errors import ConversionRefused
from harpi_models.guards import (
    NEWEST,
    check_reading,
    check_tables,
    check_training,
    probe_windows,
)
from harpi_models.heads import softmax_head
from harpi_models.merge import FILE_IDENTIFIER, read, seal
from harpi_models.optimizers import Sgd


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
    metadata = ModelFile.parse(content, "generic").metadata
    interpreter = Interpreter(model_content=content)
    check_training(interpreter, metadata, 3)
    still = msgspec.structs.replace(metadata.head, learning_rate=1e-30)
    with pytest.raises(ConversionRefused, match="does not lower the loss"):
        check_training(interpreter, msgspec.structs.replace(metadata, head=still), 3)


def test_probes_are_plausible() -> None:
    windows = probe_windows((64, 6), np.random.default_rng(0))
    assert 0.8 < np.linalg.norm(windows[..., :3].mean(axis=(0, 1))) < 1.2
    assert 20 < windows[..., 3:].std() < 400
    images = probe_windows((32, 32, 3), np.random.default_rng(0))
    assert images.min() >= 0
    assert images.max() <= 255


@pytest.mark.parametrize("cut", [100, 200_000])
def test_refuses_what_the_device_would_refuse(content: bytes, cut: int) -> None:
    metadata = ModelFile.parse(content, "generic").metadata
    damaged = content[:cut] + bytes([content[cut] ^ 1]) + content[cut + 1 :]
    with pytest.raises(ConversionRefused, match="the device cannot read it"):
        check_reading(damaged, metadata)
    with pytest.raises(ConversionRefused, match="something else about itself"):
        check_reading(content, msgspec.structs.replace(metadata, features=3))


def test_refuses_a_head_that_is_not_as_the_file_says(content: bytes) -> None:
    metadata = ModelFile.parse(content, "generic").metadata
    wrong = tuple(
        msgspec.structs.replace(tensor, shape=(7, *tensor.shape[1:]))
        for tensor in metadata.head.parameters
    )
    head = msgspec.structs.replace(metadata.head, parameters=wrong)
    with pytest.raises(ConversionRefused, match=r"w0 has the shape .* for 3 classes"):
        check_training(
            Interpreter(model_content=content), msgspec.structs.replace(metadata, head=head), 3
        )


@pytest.mark.models
class TestAgainstTheBase:
    """Faults that only show beside the base that a file was made from."""

    @pytest.fixture(scope="class")
    def base(self) -> Any:
        from tests.models.support import digit_base

        return digit_base()

    @pytest.fixture(scope="class")
    def converted(self, base: Any) -> Any:
        from harpi_models.converter import convert_model

        return convert_model(base, softmax_head(), Sgd())

    @staticmethod
    def check(content: bytes, metadata: ModelMetadata, base: Any) -> None:
        from harpi_models.guards import check_file

        check_file(content, metadata, base)

    def test_passes_what_was_converted(self, base: Any, converted: Any) -> None:
        self.check(converted.content, converted.metadata, base)
        assert converted.findings.difference < 1e-5
        assert "ai_edge_litert" in converted.findings.runtimes

    def test_notices_lost_weights(self, base: Any, converted: Any) -> None:
        stages = tuple(replace(stage, weight_values=10**6) for stage in base.stages)
        with pytest.raises(ConversionRefused, match="for 8000000 bytes of weights"):
            self.check(converted.content, converted.metadata, replace(base, stages=stages))

    def test_notices_outputs_that_are_not_the_base_s(self, base: Any, converted: Any) -> None:
        last = base.stages[-1]

        def other(**inputs: Any) -> dict[str, Any]:
            return {name: value * 1.01 for name, value in last.function(**inputs).items()}

        stages = (*base.stages[:-1], replace(last, function=other))
        with pytest.raises(ConversionRefused, match=r"differs from the base by 1\.0%"):
            self.check(converted.content, converted.metadata, replace(base, stages=stages))

    def test_notices_a_base_that_is_broken_itself(self, base: Any, converted: Any) -> None:
        last = base.stages[-1]

        def broken(**inputs: Any) -> dict[str, Any]:
            return {name: value * np.nan for name, value in last.function(**inputs).items()}

        stages = (*base.stages[:-1], replace(last, function=broken))
        with pytest.raises(ConversionRefused, match="the base itself gives values that are"):
            self.check(converted.content, converted.metadata, replace(base, stages=stages))

    def test_notices_values_that_are_not_finite(self, base: Any, converted: Any) -> None:
        def change(model: Any) -> None:
            largest = max(
                model.buffers[:-1], key=lambda x: 0 if x.data is None else len(x.data)
            )
            largest.data = np.full(len(largest.data) // 4, np.nan, np.float32).view(np.uint8)

        content, metadata = resealed(converted, change)
        with pytest.raises(ConversionRefused, match="bottleneck gives values that are not"):
            self.check(content, metadata, base)

    def test_notices_what_a_runtime_cannot_run(self, base: Any, converted: Any) -> None:
        def change(model: Any) -> None:
            for operator in model.subgraphs[0].operators:
                operator.inputs = operator.inputs[:1]

        content, metadata = resealed(converted, change)
        with pytest.raises(ConversionRefused, match="ai_edge_litert cannot run the file"):
            self.check(content, metadata, base)


def resealed(converted: Any, change: Callable[[Any], None]) -> tuple[bytes, ModelMetadata]:
    """Another file that is sealed as if nothing had happened."""
    open_metadata = msgspec.structs.replace(converted.metadata, digest=NO_DIGEST)

    def unseal(model: Any) -> None:
        change(model)
        model.buffers[-1].data = np.frombuffer(msgspec.json.encode(open_metadata), np.uint8)

    return seal(changed(converted.content, unseal), open_metadata)
