"""Export: takes as files that other programs can read, harpi's own `import` and emulator too.

Nothing is left out: signal that is trimmed off is exported without a label.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from harpi.errors import HarpiError, StoreError, UsageError
from harpi.files import sync_directory
from harpi.learning import index
from harpi.learning.store import Store
from harpi.learning.take import Take
from harpi.recording import Recording, write_together
from harpi.types import Samples

Format = Literal["npz", "csv"]
Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""

README: Final = """\
Takes recorded by harpi
=======================

{count} takes, {seconds:.0f} seconds. One file for each take, and {index}, which says what is
known of each. `harpi import` reads this folder or archive back into a store, and
`harpi run --emulate FILE` plays a file on an emulated sensor.

{index}
{line}
{columns}

{layout}
Acceleration is in g (1 g = 9.80665 m/s^2), angular rate in deg/s, time in seconds from the
first sample of the take. The axes are those of the chip; at rest the axis that points up
reads +1 g. Signal that is trimmed off (before used_from_s, from used_to_s on) is in the files
without a label.
"""

NPZ_LAYOUT: Final = """\
*.npz (open with numpy.load)
----------------------------
acc, gyro          int16 [n, 3]: x y z; divide by acc_lsb_per_g, gyro_lsb_per_dps
acc_lsb_per_g      counts per g
gyro_lsb_per_dps   counts per deg/s
fs                 samples per second
label              int16 [n]: index into label_names, -1 for none
label_names        names of the activities
segment            int32 [n]: number of the stretch without a gap
position, position_names, subject, subject_names   in the same way; subject is not used
meta               JSON: under "take", the line of {index}
format             version of this layout
"""

CSV_LAYOUT: Final = """\
*.csv
-----
time        seconds; a jump of a second or more stands for a gap of unknown length,
            runs_s in {index} has the true times
ax ay az    acceleration, g
gx gy gz    angular rate, deg/s
label       the activity, empty for none
"""


def export(
    store: Store,
    takes: Sequence[Take],
    target: Path,
    *,
    kind: Format = "npz",
    on_progress: Progress = lambda share: None,
) -> None:
    """Write takes into a new folder, archive or recording.

    What was there is never overwritten, and nothing half-written stays behind.

    Args:
        store: where the takes are.
        takes: which, at least one; a single sample is no recording and is left out.
        target: ends in `.zip` for one archive with a file for each take, a README and an
            index; in `.npz` or `.csv` for one recording with all takes one after another;
            anything else is a folder with the same content as an archive.
        kind: format of the files in a folder or archive.
        on_progress: told how far it has come.

    Raises:
        UsageError: there is something at `target`, there are no takes, or they cannot go
            into one recording.
        StoreError: a take cannot be read, or the target cannot be written.
        RecordingError: a take holds what cannot be motion.
    """
    takes = [take for take in takes if take.count >= 2]
    if not takes:
        raise UsageError("there are no takes to export")
    if os.path.lexists(target):
        raise UsageError(
            "there is something already", where=str(target), remedy="Choose another name"
        )
    suffix = target.suffix.lower()
    with _in_words(target), _workplace(target) as work:
        if suffix in (".npz", ".csv"):
            made = work / target.name
            _write_one(store, takes, made, on_progress)
        elif suffix == ".zip":
            _write_folder(store, takes, work / "files", kind, on_progress)
            made = _pack(work / "files", work / target.name)
        else:
            made = work / "files"
            _write_folder(store, takes, made, kind, on_progress)
        made.rename(target)
        sync_directory(target.parent)


def recording_of(take: Take, runs: Sequence[Samples], meta: dict[str, Any]) -> Recording:
    """Make a recording of a take; what is trimmed off has no label."""
    times = np.concatenate([run.times for run in runs])
    end = np.inf if take.keep_to is None else take.keep_to
    used = (times >= take.keep_from) & (times < end)
    return Recording(
        values=np.concatenate([run.values for run in runs]),
        rate=take.rate,
        labels=(take.label,),
        label=np.where(used, 0, -1).astype(np.int16),
        segment=np.repeat(np.arange(len(runs), dtype=np.int32), [len(run) for run in runs]),
        position=take.position,
        meta=meta,
    )


def _write_folder(
    store: Store, takes: Sequence[Take], folder: Path, kind: Format, on_progress: Progress
) -> None:
    folder.mkdir()
    lines = []
    for done, take in enumerate(takes):
        on_progress(done / len(takes))
        runs = store.samples(take.id, whole=True)
        line = index.line_of(f"{_name_of(take)}.{kind}", take, runs)
        recording_of(take, runs, {"take": line}).write(folder / line["file"])
        lines.append(line)
    with (folder / index.FILE_NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, index.COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    (folder / "README.txt").write_text(_readme(takes, kind), encoding="utf-8")
    on_progress(1.0)


def _write_one(store: Store, takes: Sequence[Take], path: Path, on_progress: Progress) -> None:
    if len({take.split for take in takes}) > 1:
        raise UsageError(
            "train and test takes do not go into one recording",
            remedy="Choose one with --split, or export a folder or a .zip",
        )
    recordings = []
    for done, take in enumerate(takes):
        on_progress(done / len(takes))
        runs = store.samples(take.id, whole=True)
        # Of several takes none speaks for all.
        meta = {"take": index.line_of(path.name, take, runs)} if len(takes) == 1 else {}
        recordings.append(recording_of(take, runs, meta))
    write_together(path, recordings)
    on_progress(1.0)


def _pack(folder: Path, archive: Path) -> Path:
    """Put the files of a folder into an archive, within a folder of its name."""
    with archive.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(folder.iterdir()):
                # An .npz is compressed already.
                way = zipfile.ZIP_STORED if path.suffix == ".npz" else zipfile.ZIP_DEFLATED
                packed.write(path, f"{archive.stem}/{path.name}", way)
        file.flush()
        os.fsync(file.fileno())
    return archive


def _name_of(take: Take) -> str:
    label = re.sub(r"[^A-Za-z0-9]+", "_", take.label).strip("_").lower()
    return f"take_{take.id:05d}" + (f"_{label}" if label else "")


def _readme(takes: Sequence[Take], kind: Format) -> str:
    layout = NPZ_LAYOUT if kind == "npz" else CSV_LAYOUT
    return README.format(
        count=len(takes),
        seconds=sum(take.seconds for take in takes),
        index=index.FILE_NAME,
        line="-" * len(index.FILE_NAME),
        columns="\n".join(f"{name:<12} {what}" for name, what in index.COLUMNS.items()),
        layout=layout.format(index=index.FILE_NAME),
    )


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A folder beside the target, so that the result can be moved there in one step."""
    work = Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f".{target.name}."))
    work.chmod(0o755)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _in_words(target: Path) -> Iterator[None]:
    try:
        yield
    except HarpiError:
        raise
    except OSError as error:
        raise StoreError(
            f"the export cannot be written ({error.strerror or error})",
            where=str(target),
            remedy="Check the folder, its permissions and the room on its disk",
        ) from error
