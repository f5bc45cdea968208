"""Runs: the signal of a take, cut where samples are missing and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from harpi.errors import StoreError
from harpi.learning.chunk import Chunk
from harpi.learning.tables import digest_of
from harpi.learning.take import Take
from harpi.types import Samples


def joined(blocks: Iterable[Samples]) -> list[Samples]:
    """Join consecutive blocks; each gap begins a new run."""
    runs: list[list[Samples]] = []
    for block in blocks:
        if block.gap or not runs:
            runs.append([])
        runs[-1].append(block)
    return [
        Samples(
            np.concatenate([block.values for block in run]),
            np.concatenate([block.times for block in run]),
            gap=run[0].gap,
        )
        for run in runs
    ]


def runs_of(take: Take, chunks: Sequence[Chunk], *, whole: bool, where: str) -> list[Samples]:
    """Make the signal of a take out of its chunks.

    Args:
        take: what is known of it.
        chunks: all of them, in order.
        whole: give what was trimmed off, too.
        where: the store, for the message.

    Raises:
        StoreError: the samples are not those that were recorded.
    """
    damaged = StoreError(
        f"take {take.id} is damaged, its samples are not those that were recorded",
        where=where,
        remedy=f"Delete it with `harpi takes delete {take.id}`; no other is affected",
    )
    try:
        blocks = [chunk.samples() for chunk in chunks]
    except (ValueError, TypeError) as error:  # what stands in a row need not be a chunk
        raise damaged from error
    if take.state == "kept" and digest_of(block.values for block in blocks) != take.digest:
        raise damaged
    runs = joined(blocks)
    if whole:
        return runs
    return [part for run in runs if len(part := _used(run, take))]


def _used(run: Samples, take: Take) -> Samples:
    end = np.inf if take.keep_to is None else take.keep_to
    used = (run.times >= take.keep_from) & (run.times < end)
    return run if used.all() else Samples(run.values[used], run.times[used], gap=run.gap)
