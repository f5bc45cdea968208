from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.errors import ModelError
from harpi.recognition.model_file import NO_DIGEST, ImuInput, ModelFile
from tests.support.models import DATA, tiny_base

CONTENT = (DATA / "tiny_base.tflite").read_bytes()


def test_a_model_says_what_it_is() -> None:
    metadata = tiny_base().metadata
    assert metadata.name == "tiny base"
    assert metadata.labels == ("still", "slow", "fast")
    assert metadata.input == ImuInput(rate=25.0, length=64)
    assert metadata.digest != NO_DIGEST


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(CONTENT) - 1))
def test_a_file_cut_short_anywhere_is_refused(length: int) -> None:
    with pytest.raises(ModelError):
        ModelFile.parse(CONTENT[:length], "cut.tflite")


@settings(max_examples=500, deadline=None)
@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_a_file_with_any_byte_flipped_is_refused(at: int, flip: int) -> None:
    damaged = bytearray(CONTENT)
    damaged[at] ^= flip
    with pytest.raises(ModelError):
        ModelFile.parse(bytes(damaged), "flipped.tflite")


def test_every_byte_of_the_way_to_the_metadata_is_guarded() -> None:
    at = CONTENT.index(b'"digest"')
    nearby = [*range(64), *range(at - 400, at + 90)]
    for place in nearby:
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            damaged = bytearray(CONTENT)
            damaged[place] = value
            if damaged != CONTENT:
                with pytest.raises(ModelError):
                    ModelFile.parse(bytes(damaged), "flipped.tflite")


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError):
        ModelFile.parse(content, "anything")
    with pytest.raises(ModelError):
        ModelFile.parse(CONTENT[:8] + content, "anything")


def test_a_file_with_something_added_is_refused() -> None:
    with pytest.raises(ModelError, match="damaged"):
        ModelFile.parse(CONTENT + b"\0", "longer.tflite")


def test_a_file_that_was_never_sealed_is_refused() -> None:
    digest = tiny_base().metadata.digest
    unsealed = CONTENT.replace(digest.encode(), NO_DIGEST.encode())
    with pytest.raises(ModelError, match="never sealed"):
        ModelFile.parse(unsealed, "open.tflite")


def resealed(old: bytes, new: bytes) -> bytes:
    """The file with other metadata of the same length, its digest made right."""
    import hashlib

    assert len(old) == len(new)
    assert CONTENT.count(old) == 1
    digest = tiny_base().metadata.digest.encode()
    unsealed = CONTENT.replace(digest, NO_DIGEST.encode()).replace(old, new)
    return unsealed.replace(NO_DIGEST.encode(), hashlib.sha256(unsealed).hexdigest().encode())


def test_a_file_of_a_later_format_is_refused_by_its_number() -> None:
    with pytest.raises(ModelError, match=r"format 2.*reads 1"):
        ModelFile.parse(resealed(b'"format":1', b'"format":2'), "later.tflite")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"length":64', b'"length":-4'),
        (b'"optimizer":"adam"', b'"optimizer":"adm2"'),
        (b'"licence"', b'"licenze"'),
    ],
)
def test_metadata_is_read_strictly(old: bytes, new: bytes) -> None:
    with pytest.raises(ModelError, match="unexpected format"):
        ModelFile.parse(resealed(old, new), "other.tflite")


def test_a_model_that_harpi_did_not_convert_is_told_from_a_damaged_one() -> None:
    foreign = CONTENT.replace(b"\x05\0\0\0harpi", b"\x05\0\0\0other")
    assert foreign != CONTENT
    with pytest.raises(ModelError, match=r"harpi did not make this \.tflite"):
        ModelFile.parse(foreign, "foreign.tflite")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file") as caught:
        ModelFile.read(tmp_path / "none.tflite")
    assert "none.tflite" in str(caught.value)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read"):
        ModelFile.read(tmp_path)


def test_metadata_survives_its_json() -> None:
    metadata = tiny_base().metadata
    again = msgspec.json.decode(msgspec.json.encode(metadata), type=type(metadata))
    assert again == metadata
