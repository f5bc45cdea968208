"""SIGKILL at any moment: what was acknowledged is there."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harpi.store.store import Store
from tests.labs.rigs.disk import ROOT
from tests.labs.rigs.store_workload import kept_in
from tests.support.takes import ROOMY

ENDLESS = "1000000"


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_program_loses_nothing_that_it_acknowledged(tmp_path: Path, seed: int) -> None:
    path, promises = tmp_path / "takes.db", tmp_path / "promises"
    promises.touch()
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.labs.rigs.store_workload", path, promises, ENDLESS],
        cwd=ROOT,
    )
    while program.poll() is None and not promises.stat().st_size:
        time.sleep(0.002)
    time.sleep(random.Random(seed).uniform(0.0, 0.15))
    program.kill()
    assert program.wait() == -9

    said = [json.loads(line) for line in promises.read_text().splitlines(keepends=True)]
    promised = [what["kept"] for what in said if "kept" in what][-1]
    with Store(path, ROOMY) as store:
        assert store.damage() == []
        kept = kept_in(store)
        # The step that was under way may have purged deleted takes, or changed one take.
        live = {number: what for number, what in promised.items() if not what[2]}
        assert {n: kept[n][1] for n in live} == {n: what[1] for n, what in live.items()}
        assert sum(kept[n] != what for n, what in live.items()) <= 1
        durable = said[-1].get("durable")
        if durable and str(durable[0]) not in kept:
            (interrupted,) = [t for t in store.takes() if "interrupted" in t.flags]
            assert interrupted.id == durable[0]
            assert interrupted.count >= durable[1]
