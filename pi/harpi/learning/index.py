"""The index of an export: one line for each take, with everything but its samples.

The same line, as a JSON object under `take` in `meta`, is inside every exported .npz, so that
a file that was moved away on its own still knows what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from harpi.errors import HarpiError, RecordingError
from harpi.learning.take import FLAGS, SPLITS, Take
from harpi.types import Samples

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
        f"what the export says of a take cannot be ({problem})",
        where=where,
        remedy="Export it again, or import the file without its index",
    )
