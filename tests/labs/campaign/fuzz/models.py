"""Model files, and what was learnt on them. Seals are made to fit: they keep chance out."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from harpi.errors import HarpiError
from harpi.learning.heads import INDEX, HeadRegistry
from harpi.recognition import interpreter, numpy_runtime
from harpi.recognition.head import Head, LearntTake
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import (
    NO_DIGEST,
    HeadDesign,
    ImageInput,
    ImuInput,
    ModelFile,
    ModelMetadata,
    Tensor,
)
from harpi.signal.features import FEATURE_NAMES
from tests.labs.campaign.fuzz.hostile import WORDS, json_seeds, json_words, nested
from tests.labs.campaign.fuzz.target import Feed, Target
from tests.support.models import DATA, tiny_base, tiny_head, tiny_mlp, tiny_reference


def _sealed_tensors(content: bytes) -> bytes:
    """Write the digest that a file of tensors should state over the one that it states."""
    try:
        size = int.from_bytes(content[:8], "little")
        said = json.loads(content[8 : 8 + size])["__metadata__"]
        stated = said["digest"].encode()
        text = f"{said['kind']}\0{said['format']}\0{said['header']}\0"
        digest = hashlib.sha256(text.encode())
        tensors = load(content)
        for name in sorted(tensors):
            tensor = tensors[name]
            digest.update(f"{name}\0{tensor.dtype}\0{tensor.shape}\0".encode())
            digest.update(tensor.tobytes())
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return content
    return (
        content.replace(stated, digest.hexdigest().encode()) if len(stated) == 64 else content
    )


def _sealed_model(content: bytes) -> bytes:
    """Write the digest that a model should state over the one that it states."""
    key = b'"digest":"'
    at = content.find(key) + len(key)
    if at < len(key) or at + len(NO_DIGEST) > len(content):
        return content
    end = at + len(NO_DIGEST)
    open_file = content[:at] + NO_DIGEST.encode() + content[end:]
    return content[:at] + hashlib.sha256(open_file).hexdigest().encode() + content[end:]


def _head(folder: Path) -> Feed:
    file, again = folder / "head.safetensors", folder / "again.safetensors"
    bases = tiny_base(), tiny_mlp()

    def feed(content: bytes) -> None:
        for given in (content, _sealed_tensors(content)):
            file.write_bytes(given)
            with contextlib.suppress(HarpiError):
                head = Head.read(file)
                head.write(again)
                for base in bases:
                    with contextlib.suppress(HarpiError):
                        head.check(base)

    return feed


def _tensors_seeds(sound: bytes) -> Sequence[bytes]:
    size = int.from_bytes(sound[:8], "little")
    listing = json.loads(sound[8 : 8 + size])
    header = listing["__metadata__"]["header"]
    name = next(key for key in listing if key != "__metadata__")

    def rebuilt(**changed: object) -> bytes:
        text = json.dumps({**listing, **changed}, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + sound[8 + size :]

    def with_header(text: str) -> bytes:
        return rebuilt(__metadata__={**listing["__metadata__"], "header": text})

    hurting = [with_header(one.decode("latin-1")) for one in json_seeds(header.encode())]
    shapes: list[list[int]] = [[0], [-1], [2**62, 4], [2**64], [0, 2**62], [1] * 64]
    hurting += [rebuilt(**{name: {**listing[name], "shape": shape}}) for shape in shapes]
    hurting += [
        rebuilt(**{name: {**listing[name], "dtype": dtype}})
        for dtype in ("BF16", "F64", "F8_E4M3", "BOOL", "I64", "X")
    ]
    hurting += [rebuilt(__metadata__={**listing["__metadata__"], "kind": "a\x1b[2J"})]
    hurting += [
        (2**63).to_bytes(8, "little") + sound[8:],
        (1500).to_bytes(8, "little") + nested()[:1500] + nested()[-1500:],
        (4000).to_bytes(8, "little") + b'{"x":' + nested(b'{"x":', b"}", b"1"),
        b"",
        b"\x00" * 16,
    ]
    return [sound, *hurting]


def _head_seeds() -> Sequence[bytes]:
    learnt = {"accuracy": 1.0, "windows": 20.0}
    head = tiny_head()
    sound = _bytes_of(
        Head.for_base(
            tiny_base(),
            labels=head.labels,
            parameters=head.parameters,
            rejection=head.rejection,
            figures=learnt,
            takes=(LearntTake(number=1, label="still", right=0.5),),
        )
    )
    return [*_tensors_seeds(sound), (DATA / "head_layout_1.safetensors").read_bytes()]


def _bytes_of(head: Head) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        head.write(Path(folder) / "head")
        return (Path(folder) / "head").read_bytes()


def _knn(folder: Path) -> Feed:
    file = folder / "knn.safetensors"
    rows = np.zeros((1, len(FEATURE_NAMES)), np.float32)

    def feed(content: bytes) -> None:
        for given in (content, _sealed_tensors(content)):
            file.write_bytes(given)
            with contextlib.suppress(HarpiError):
                reference = KnnReference.read(file)
                reference.threshold(0.05)
                with np.errstate(all="ignore"):  # that is the business of `harpi.recognition`
                    reference.distances(rows)

    return feed


def _knn_seeds() -> Sequence[bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "knn"
        tiny_reference().write(path)
        return _tensors_seeds(path.read_bytes())


def _model(folder: Path) -> Feed:
    del folder

    def feed(content: bytes) -> None:
        with contextlib.suppress(HarpiError):
            ModelFile.parse(content, "fuzzed")
        model = ModelFile.parse(_sealed_model(content), "fuzzed")
        with mock.patch.object(interpreter, "load_runtime", return_value=numpy_runtime):
            interpreter.Interpreter(model)

    return feed


def _model_seeds() -> Sequence[bytes]:
    sound = (DATA / "tiny_mlp.tflite").read_bytes()
    at = sound.index(b'{"format"')
    end = sound.index(b"\x00", at)
    text = sound[at:end]
    hurting = []
    for old, new in (
        (b'"features":', b'"features":-'),
        (b'"rate":', b'"rate":1e999,"x":'),
        (b'"format":1', b'"format":9'),
        (b'"name":', b'"nome":'),
    ):
        changed = text.replace(old, new)[: len(text)].ljust(len(text))
        hurting.append(sound[:at] + changed + sound[end:])
    deep = b'{"x":' + nested()[: len(text)] if len(text) > 3000 else b'{"x":' + b"[" * len(text)
    hurting.append(sound[:at] + deep[: len(text)].ljust(len(text)) + sound[end:])
    hurting += [sound[:size] for size in (0, 4, 8, 12, 64, 1000, len(sound) // 2)]
    hurting += [b"\xff\xff\xff\x7fTFL3" + sound[8:], b"\x08\x00\x00\x00TFL3" + bytes(64)]
    return [sound, *hurting]


def _shelf(folder: Path) -> Feed:
    shelf, base = HeadRegistry(folder / "heads"), tiny_base()
    shelf.add(tiny_head())
    index = folder / "heads" / INDEX

    def feed(content: bytes) -> None:
        index.write_bytes(content)
        assert (
            shelf.load(base).head is not None or b"null" in content or b"current" not in content
        )
        shelf.entries(base)
        shelf.use(shelf.before(), base)

    return feed


TARGETS = [
    Target(
        "head",
        "head files, seals made to fit",
        _head,
        _head_seeds,
        (
            *json_words(ImuInput, ImageInput, LearntTake),
            b'"imu"',
            b'"F32"',
            b'"shape":[',
            *WORDS,
        ),
        largest=8192,
        share=0.4,
    ),
    Target(
        "knn",
        "the kNN's reference and memory, seals made to fit",
        _knn,
        _knn_seeds,
        (*json_words(), b'"features_version":', b'"labels":', b'"F32"', b'"shape":['),
        largest=32768,
        share=0.2,
    ),
    Target(
        "model",
        "model files and their metadata, seals made to fit, up to the NumPy runtime",
        _model,
        _model_seeds,
        json_words(ModelMetadata, ImuInput, ImageInput, HeadDesign, Tensor),
        largest=16384,
        share=0.3,
    ),
    Target(
        "shelf",
        "the index of the heads",
        _shelf,
        lambda: json_seeds(b'{"format":1,"current":1,"previous":1,"last":1}'),
        (b'"format":', b'"current":', b'"previous":', b'"last":', *WORDS),
        share=0.3,
        json=True,
    ),
]
