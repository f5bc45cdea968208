"""What is read holds what it promises, however it was put together; the rest is refused."""

from __future__ import annotations

import contextlib
import json
import math
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harpi.commands import decode, encode
from harpi.config import Config
from harpi.config.loading import load, to_toml
from harpi.errors import ConfigError, ModelError, RecordingError, UsageError
from harpi.recognition.head import Head
from harpi.recording import Recording
from harpi.recording.table import MAX_ACCELERATION, MAX_ANGULAR_RATE, MAX_RATE
from tests.labs.campaign.fuzz.models import _sealed_tensors
from tests.labs.campaign.fuzz.record import roomy
from tests.labs.campaign.fuzz.recordings import _archive, _array
from tests.labs.campaign.fuzz.settings import _KEYS
from tests.support.models import tiny_base, tiny_head

EXAMPLES = settings(max_examples=60, deadline=None)

NUMBERS = st.floats() | st.integers(-(2**70), 2**70) | st.sampled_from([0, -1, 5e-324, 1e308])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=roomy()) as name:
        yield Path(name)


def check(recording: Recording) -> None:
    """Make sure of what every recording promises."""
    count = len(recording)
    assert recording.values.shape == (count, 6)
    assert recording.values.dtype == np.float32
    assert np.abs(recording.values[:, :3]).max() <= MAX_ACCELERATION
    assert np.abs(recording.values[:, 3:]).max() <= MAX_ANGULAR_RATE
    assert 0.1 <= recording.rate <= MAX_RATE
    assert np.isin(np.diff(recording.segment), (0, 1)).all()
    assert recording.label.min() >= -1
    assert recording.label.max() < len(recording.labels)


@EXAMPLES
@given(
    rows=st.lists(
        st.tuples(NUMBERS, *[st.floats(-20, 20) | NUMBERS] * 6, st.text(max_size=6)),
        min_size=1,
        max_size=6,
    ),
    even=st.booleans(),
)
def test_a_csv_of_any_numbers(folder: Path, rows: list[tuple[Any, ...]], even: bool) -> None:
    times = [place / 50 for place in range(len(rows))] if even else [row[0] for row in rows]
    lines = [
        ",".join([str(time), *map(str, row[1:7]), json.dumps(row[7])])
        for time, row in zip(times, rows, strict=True)
    ]
    path = folder / "any.csv"
    text = "time,ax,ay,az,gx,gy,gz,label\n" + "\n".join(lines) + "\n"
    path.write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(RecordingError):
        check(Recording.read(path))


ARRAYS = hnp.arrays(
    hnp.floating_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes(),
    st.sampled_from([(), (4,), (4, 3), (3, 4), (0, 3), (2, 2, 3)]),
)


@EXAMPLES
@given(
    members=st.dictionaries(
        st.sampled_from(
            ["acc", "gyro", "fs", "acc_lsb_per_g", "label", "segment", "subject", "position"]
        ),
        ARRAYS,
    ),
    meta=JSON,
)
def test_a_npz_of_any_arrays(folder: Path, members: dict[str, Any], meta: Any) -> None:
    whole: dict[str, Any] = {
        "acc": np.ones((4, 3)),
        "gyro": np.ones((4, 3)),
        "fs": 50.0,
        "label_names": np.array(["a", "unlabelled"]),
        "position_names": np.array(["arm"]),
        "meta": np.array(json.dumps(meta)),
        **members,
    }
    path = folder / "any.npz"
    path.write_bytes(_archive({f"{name}.npy": _array(one) for name, one in whole.items()}))
    with contextlib.suppress(RecordingError):
        check(Recording.read(path))


def shown(path: Path) -> Config:
    """Read what harpi itself wrote; a refusal of that is a fault."""
    try:
        return load(path, environment={}).config
    except ConfigError as error:
        raise AssertionError(f"what is shown cannot be read: {error}") from error


@EXAMPLES
@given(st.dictionaries(st.sampled_from(_KEYS), JSON, max_size=4))
def test_a_configuration_of_any_values(folder: Path, values: dict[str, Any]) -> None:
    path, again = folder / "harpi.toml", folder / "again.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    with contextlib.suppress(ConfigError):
        read = load(path, environment={})
        again.write_text(to_toml(read), encoding="utf-8")
        assert shown(again) == read.config


FIELDS = st.sampled_from(["command", "label", "seconds", "takes", "head", "test", "whole", "x"])
NAMES = st.sampled_from(["record", "stop", "relabel", "use", "forget", "status"])


@EXAMPLES
@given(JSON | st.dictionaries(FIELDS, JSON | NAMES | st.lists(st.integers(0, 9), max_size=3)))
def test_a_command_of_any_fields(said: Any) -> None:
    with contextlib.suppress(UsageError):
        command = decode(json.dumps(said).encode("utf-8", "surrogatepass"))
        assert encode(decode(encode(command))) == encode(command)
        seconds = getattr(command, "seconds", None)
        assert seconds is None or 0 < seconds < math.inf


def sealed_head(folder: Path, **changed: Any) -> Path:
    """A head whose header says what a test wants, sealed as if harpi had written it."""
    path = folder / "head"
    tiny_head().write(path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    listing = json.loads(content[8 : 8 + size])
    header = {**json.loads(listing["__metadata__"]["header"]), **changed}
    listing["__metadata__"]["header"] = json.dumps(header)
    text = json.dumps(listing, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(_sealed_tensors(struct.pack("<Q", len(text)) + text + content[8 + size :]))
    return path


@EXAMPLES
@given(
    st.dictionaries(
        st.sampled_from(
            ["labels", "step", "base", "input", "features", "joined", "threshold", "figures"]
        ),
        JSON,
        max_size=2,
    )
)
def test_a_head_of_any_header(folder: Path, changed: dict[str, Any]) -> None:
    with contextlib.suppress(ModelError):
        head = Head.read(sealed_head(folder, **changed))
        head.check(tiny_base())
        assert head.features == tiny_base().metadata.features
        assert all(label.isprintable() for label in head.labels)


def test_what_is_in_order_is_read(folder: Path) -> None:
    head = Head.read(sealed_head(folder))
    head.check(tiny_base())
    assert head.labels == tiny_head().labels


def test_a_label_that_a_terminal_would_obey_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="no text that could be shown"):
        Head.read(sealed_head(folder, labels=["\x1b[2J", "b"]))
