from __future__ import annotations

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from harpi import shipped
from harpi_models.errors import ConversionRefused
from harpi_models.merge import FILE_IDENTIFIER, merge, read
from tests.models.support import Runner

NAMES = ["bottleneck", "generic", "initialize", "train", "infer", "infer_window"]


@pytest.fixture(scope="module")
def content() -> bytes:
    return shipped.path("models/generic.tflite").read_bytes()


def test_a_file_can_be_taken_apart_and_put_together_again(content: bytes) -> None:
    import numpy as np

    again = merge([(content, "bottleneck"), (content, "generic")], content, b"other metadata")
    assert set(Runner(again).signatures) == set(NAMES)
    assert len(again) < len(content) + 20_000, "every weight is stored once"
    windows = np.random.default_rng(0).normal(size=(2, 64, 6)).astype(np.float32)
    for name, output in (("bottleneck", "features"), ("generic", "probabilities")):
        np.testing.assert_array_equal(
            Runner(content)(name, window=windows)[output],
            Runner(again)(name, window=windows)[output],
        )


def test_a_base_without_a_classifier_has_no_generic(content: bytes) -> None:
    without = merge([(content, "bottleneck")], content, b"")
    assert set(Runner(without).signatures) == set(NAMES) - {"generic"}


def test_tables_that_are_equal_are_written_once(content: bytes) -> None:
    model = read(content)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    assert len(builder.Output()) > len(content) * 1.05


def test_what_no_signature_uses_takes_no_room(content: bytes) -> None:
    lean = merge([(content, "bottleneck")], content, b"")
    assert len(lean) < len(merge([(content, "bottleneck"), (content, "generic")], content, b""))
    assert len(read(lean).buffers[-1].data or b"") < 64
    used = {t.buffer for graph in read(lean).subgraphs for t in graph.tensors}
    filled = {i for i, b in enumerate(read(lean).buffers) if b.data is not None and len(b.data)}
    assert filled <= used | {len(read(lean).buffers) - 1}


def test_a_missing_signature_is_told(content: bytes) -> None:
    with pytest.raises(ConversionRefused, match="no signature 'stage'"):
        merge([(content, "stage")], content, b"")


def test_control_flow_is_refused(content: bytes) -> None:
    model = read(content)
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.WHILE
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    with pytest.raises(ConversionRefused, match="control flow"):
        merge([(bytes(builder.Output()), "bottleneck")], content, b"")
