"""One process after the other, each feeding one target what coverage guides it to."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.labs.campaign.fuzz.record import FOUND, ROOT, TALLY, Record, Tally, found, roomy
from tests.labs.campaign.fuzz.smallest import smallest
from tests.labs.campaign.fuzz.target import Target, opened
from tests.labs.campaign.fuzz.targets import TARGETS
from tests.labs.campaign.result import Result

INPUTS: Final = 10_000_000
QUICK_INPUTS: Final = 40_000
MINUTES: Final = 20.0
"""Of one target, at most."""

PATIENCE: Final = 300
"""Seconds by the clock on the wall after which a process that is stuck is given up. An input
has fewer, by the clock of the processor: see `worker.SECONDS`."""

MEGABYTES: Final = 2048
"""Of the whole process; a limit for what grows with the inputs. See also `worker.MEMORY`."""

WORK: Final = ROOT / "build/fuzz"

COLUMNS: Final = (
    "target",
    "what it reads",
    "inputs",
    "corpus",
    "found and mended",
    "slowest",
    "memory",
)


def run(seed: int, quick: bool) -> Result:
    """Feed all targets.

    Args:
        seed: chooses what they are fed.
        quick: some thousand inputs in all; nothing is written down.
    """
    inputs = QUICK_INPUTS if quick else INPUTS
    return feed(TARGETS, seed, inputs, 1.0 if quick else MINUTES, keep=not quick)


def feed(
    targets: Sequence[Target], seed: int, inputs: int, minutes: float, *, keep: bool
) -> Result:
    """Feed some targets.

    Args:
        targets: which.
        seed: chooses what they are fed.
        inputs: over all targets; each gets its share.
        minutes: of one target at most.
        keep: add to the record what was done.

    Returns:
        The whole record as a table, and what was found now.
    """
    record, failures = Record.read(), []
    if importlib.util.find_spec("atheris") is None:
        failures.append("not run: atheris is missing; `pip install atheris` (x86-64, no musl)")
        targets = ()
    shares = sum(target.share for target in targets)
    for target in targets if inputs else ():
        count = max(1000, round(inputs * target.share / shares))
        tally = _feed_one(target, seed, count, minutes, failures)
        record = Record.read() if keep else record  # another campaign may have added to it
        record.tallies.setdefault(target.name, Tally()).add(tally)
        record.versions = _versions()
        if keep:
            record.write()
    result = table(record)
    result.failures = failures
    return result


def table(record: Record) -> Result:
    """Show what was fed to all targets so far."""
    result = Result("Inputs, and what came of them", COLUMNS)
    total = 0
    for target in TARGETS:
        tally = record.tallies.get(target.name, Tally())
        total += tally.inputs
        result.add(
            target.name,
            target.reads,
            f"{tally.inputs:,}",
            tally.corpus,
            len(found(target.name)),
            f"{tally.slowest * 1000:.0f} ms",
            f"{tally.memory / 2**20:.0f} MiB",
        )
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    result.note = f"{total:,} inputs in all. {versions}."
    return result


def _feed_one(
    target: Target, seed: int, count: int, minutes: float, failures: list[str]
) -> Tally:
    """Feed one target in a process of its own, and look at what ended it."""
    work = WORK / target.name
    corpus, hurt = work / "corpus", work / "hurt"
    shutil.rmtree(hurt, ignore_errors=True)
    for folder in (corpus, hurt):
        folder.mkdir(parents=True, exist_ok=True)
    for content in (*target.seeds(), *(path.read_bytes() for path in found(target.name))):
        (corpus / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    words = work / "words"
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words if word))
    tally = work / "tally"
    tally.write_bytes(bytes(TALLY.size))
    with tempfile.TemporaryDirectory(dir=roomy()) as scratch, (work / "log").open("wb") as log:
        subprocess.run(
            [
                *(sys.executable, "-m", "tests.labs.campaign.fuzz.worker"),
                *(target.open.__module__, target.name, str(tally), scratch),
                *(f"-runs={count}", f"-seed={seed}", f"-max_total_time={minutes * 60:.0f}"),
                *(
                    f"-max_len={target.largest}",
                    f"-timeout={PATIENCE}",
                    f"-report_slow_units={PATIENCE}",
                ),
                *([f"-dict={words}"] if target.words else []),
                *(f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={hurt}/", str(corpus)),
            ],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    done = Tally.unpack(tally.read_bytes())
    said = (work / "log").read_bytes()
    done.corpus = max(map(int, re.findall(rb" corp: (\d+)/", said)[-1:]), default=0)
    failures += [_keep(target, path) for path in sorted(hurt.iterdir())]
    if not any(hurt.iterdir()) and b"\nDone " not in said[-4000:]:
        failures.append(f"{target.name}: the process died, see {work / 'log'}")
    return done


def _keep(target: Target, path: Path) -> str:
    """Make what was found as small as it can be, and keep it for the tests."""
    content = path.read_bytes()
    with (
        tempfile.TemporaryDirectory(dir=roomy()) as scratch,
        opened(target, Path(scratch)) as fed,
    ):
        wrong = _wrong(fed, content)
        if wrong is None:
            return f"{target.name}: {path.name} hurts no more by itself, see {path}"
        content = smallest(content, lambda rest: _wrong(fed, rest) == wrong)
    folder = FOUND / target.name
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{wrong[0].lower()}-{hashlib.sha256(content).hexdigest()[:8]}"
    kept.write_bytes(content)
    return f"{target.name}: {wrong[0]} at {wrong[1]}, see {kept.relative_to(ROOT)}"


def _wrong(fed: Callable[[bytes], bool], content: bytes) -> tuple[str, str] | None:
    """Tell what an input does wrong, and where; None where it is as it should be."""
    try:
        fed(content)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if f.filename.startswith(str(ROOT / "pi"))] or frames
        place = Path(own[-1].filename)
        return type(error).__name__, f"{place.name}:{own[-1].name}"
    return None


def _versions() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("atheris", "msgspec", "numpy")},
    }


def _quoted(word: bytes) -> str:
    """Write a word as libFuzzer's dictionaries want it; the longest has 64 bytes."""
    return "".join(f"\\x{byte:02x}" for byte in word[:64])
