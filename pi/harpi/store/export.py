"""Export: takes as files that other programs, the emulator and `harpi import` can read.

Nothing is left out: signal that is trimmed off is exported without a label.

The same line, as a JSON object under `take` in `meta`, is inside every exported .npz, so that
a file that was moved away on its own still knows what it is.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from harpi.errors import HarpiError, RecordingError, StoreError, UsageError
from harpi.files import sync_directory
from harpi.privileges import as_owner
from harpi.recording import Recording, write_together
from harpi.store.store import Store
from harpi.store.takes import FLAGS, SPLITS, Take
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
        with as_owner():
            runs = store.samples(take.id, whole=True)
        line = line_of(f"{_name_of(take)}.{kind}", take, runs)
        recording_of(take, runs, {"take": line}).write(folder / line["file"])
        lines.append(line)
    with (folder / FILE_NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    (folder / "README.txt").write_text(_readme(takes, kind), encoding="utf-8")
    on_progress(1.0)


def _write_one(store: Store, takes: Sequence[Take], path: Path, on_progress: Progress) -> None:
    if len({take.split for take in takes}) > 1:
        raise UsageError(
            "train and test takes cannot be in one recording",
            remedy="Choose one with --split, or export a folder or a .zip",
        )
    recordings = []
    for done, take in enumerate(takes):
        on_progress(done / len(takes))
        with as_owner():
            runs = store.samples(take.id, whole=True)
        # Of several takes none speaks for all.
        meta = {"take": line_of(path.name, take, runs)} if len(takes) == 1 else {}
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
        index=FILE_NAME,
        line="-" * len(FILE_NAME),
        columns="\n".join(f"{name:<12} {what}" for name, what in COLUMNS.items()),
        layout=layout.format(index=FILE_NAME),
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


FILE_NAME: Final = "takes.csv"

LONGEST_SECONDS: Final = 1e9
"""No take lasts 30 years."""

COLUMNS: Final = {
    "file": "file that holds its samples",
    "take": "number of the take in the store that it came from",
    "label": "the activity",
    "position": "where on the body the sensor was",
    "session": "number of the mounting of the strap; takes of one session share it",
    "split": "train or test; a test take is never learnt",
    "start_utc": "time of the first sample, UTC, ISO 8601",
    "rate_hz": "nominal samples per second",
    "samples": "number of samples",
    "used_from_s": "signal before this second of the take is not used",
    "used_to_s": "signal from this second on is not used; empty: used to the end",
    "runs_s": "stretches without a gap: first and last second of each, separated by ;",
    "flags": "what is doubtful: too_short, inconsistent, interrupted; separated by ;",
    "device": "name of the device that recorded it",
    "note": "what a person wrote about it",
    "sha256": "of all samples in order, ax ay az gx gy gz as little-endian float32",
}
"""The columns of `takes.csv` and what they mean."""


def line_of(file: str, take: Take, runs: Sequence[Samples]) -> dict[str, str]:
    """Write down what is known of a take.

    Args:
        file: name of the file that its samples go to.
        take: the take.
        runs: all its samples.
    """
    stretches = (f"{run.times[0]:.6f} {run.times[-1]:.6f}" for run in runs)
    return {
        "file": file,
        "take": str(take.id),
        "label": take.label,
        "position": take.position,
        "session": str(take.session),
        "split": take.split,
        "start_utc": take.start.isoformat(),
        "rate_hz": repr(take.rate),
        "samples": str(take.count),
        "used_from_s": repr(take.keep_from),
        "used_to_s": "" if take.keep_to is None else repr(take.keep_to),
        "runs_s": ";".join(stretches),
        "flags": ";".join(take.flags),
        "device": take.device,
        "note": take.note,
        "sha256": take.digest,
    }


def take_of_line(line: Mapping[str, str], session: int, where: str) -> Take:
    """Make a take of its line.

    Args:
        line: as `line_of` wrote it.
        session: number that its session has in this store.
        where: the file, for the message.

    Raises:
        RecordingError: something is missing, or cannot be.
    """
    if wrong := [name for name in COLUMNS if not isinstance(line.get(name, ""), str)]:
        raise _broken(f"{wrong[0]} is no text", where)
    try:
        split, flags = line["split"], line["flags"].split(";") if line["flags"] else []
        return Take(
            label=line["label"],
            session=session,
            split=next(known for known in SPLITS if known == split),
            position=line["position"],
            start=datetime.fromisoformat(line["start_utc"]),
            rate=float(line["rate_hz"]),
            device=line["device"],
            flags=tuple(known for known in FLAGS if known in flags),
            note=line["note"],
            keep_from=float(line["used_from_s"]),
            keep_to=float(line["used_to_s"]) if line["used_to_s"] else None,
        )
    except KeyError as error:
        raise _broken(f"there is no {error}", where) from error
    except StopIteration:
        raise _broken(f"{line['split']!r} is neither train nor test", where) from None
    except HarpiError as error:
        raise _broken(error.problem, where) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _broken(str(error), where) from error


def stretches_of_line(line: Mapping[str, str]) -> list[tuple[float, float]]:
    """First and last second of each run; none where the line does not say it in order."""
    try:
        pairs = [pair.split() for pair in line["runs_s"].split(";")]
        stretches = [(float(first), float(last)) for first, last in pairs]
    except (KeyError, ValueError):
        return []
    times = [0.0, *(time for stretch in stretches for time in stretch), LONGEST_SECONDS]
    return stretches if all(a <= b for a, b in pairwise(times)) else []


def _broken(problem: str, where: str) -> RecordingError:
    return RecordingError(
        f"the index of the export describes an impossible take ({problem})",
        where=where,
        remedy="Export it again, or import the file without its index",
    )
