"""The takes and the disk that they are on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harpi.doctor.finding import NotExamined, Outcome, fail, ok, warn
from harpi.doctor.patient import Patient
from harpi.evaluation.words import counted
from harpi.learning.room import MB
from harpi.learning.store import FILE_NAME, Store


def store(patient: Patient) -> Outcome:
    """Open the takes, to look only."""
    path = patient.config.paths.state_folder / FILE_NAME
    if not path.exists():
        raise NotExamined("nothing was recorded yet")
    with Store(path, patient.config.store, read_only=True) as takes:
        count, room = len(takes.takes()), takes.room()
    text = f"{counted(count, 'take')}, {room.used / MB:.1f} of {room.limits.limit_mb} MB"
    if room.used >= room.limits.limit_mb * MB:
        return fail(
            f"{text}: recording is refused",
            "`harpi takes purge` removes deleted takes; or raise store.limit_mb",
        )
    if room.used >= room.limits.warn_mb * MB:
        return warn(f"{text}: nearly full", "`harpi takes purge` removes deleted takes")
    return ok(f"{text} (`harpi takes check` reads each)")


def disk(patient: Patient) -> Outcome:
    """See whether the disk of the state has room and can be written."""
    folder = _existing(patient.config.paths.state_folder)
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return fail(
            f"{folder} is on a disk that is read-only",
            "A card that fails is often made read-only: see 'journalctl -k', save what you "
            "can, and replace it",
        )
    free, keep = shutil.disk_usage(folder).free, patient.config.store.keep_free_mb * MB
    text = f"{free / MB:.0f} MB free at {folder}"
    if free < keep:
        return fail(
            f"{text}, less than the {keep // MB} MB that harpi leaves to others: recording is "
            "refused",
            "Make room: 'sudo apt clean', 'sudo journalctl --vacuum-size=50M', `harpi takes "
            "purge`; or lower store.keep_free_mb",
        )
    if free < 2 * keep:
        return warn(f"{text}; below {keep // MB} MB recording is refused", "Make room soon")
    return ok(text)


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above that exists."""
    return next(
        path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()
    )
