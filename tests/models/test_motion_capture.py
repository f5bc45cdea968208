from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harpi_models.datasets.motion_capture import (
    FADE,
    PLACES,
    VirtualWalkers,
    find_stride,
    loop,
    read_clips,
    walk,
)
from harpi_models.errors import DataRefused
from tests.models.captured import RATE, STRIDE, write_capture


def test_only_walks_are_read(tmp_path: Path) -> None:
    write_capture(tmp_path)
    clips = read_clips(tmp_path)
    assert [clip.person for clip in clips] == [2, 7]
    position, rotation, bone = clips[0].bones["shinL"]
    assert position.shape == (210, 3)
    assert np.linalg.norm(rotation, axis=1) == pytest.approx(1, abs=1e-3)
    assert bone == pytest.approx([0, -0.4, 0])


def test_a_missing_or_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"is missing.*--without cmu_joints"):
        read_clips(tmp_path)
    path = write_capture(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataRefused, match="is damaged"):
        read_clips(tmp_path)
    write_capture(tmp_path)
    with pytest.raises(DataRefused, match="no clip of 'flying'"):
        read_clips(tmp_path, "flying")


def test_windows_are_walks_and_no_two_are_alike(tmp_path: Path) -> None:
    write_capture(tmp_path)
    walkers = VirtualWalkers(read_clips(tmp_path), 80)
    windows = walkers.draw(30, np.random.default_rng(1))
    assert windows.shape == (30, 80, 6)
    assert windows.dtype == np.float32
    assert np.isfinite(windows).all()
    assert np.linalg.norm(windows[..., :3], axis=2).mean() == pytest.approx(1, abs=0.3)
    assert len(np.unique(windows[:, 0, 0])) == 30
    again = walkers.draw(30, np.random.default_rng(1))
    np.testing.assert_array_equal(windows, again)


def test_a_clip_shorter_than_a_stride_gives_none(tmp_path: Path) -> None:
    write_capture(tmp_path, seconds=0.9)
    (clip, _) = read_clips(tmp_path)
    assert len(walk(clip, PLACES["shin"], "L", 80, np.random.default_rng(0))) == 0


def test_the_stride_is_found_and_two_steps_are_not_one(tmp_path: Path) -> None:
    times = np.arange(240) / RATE
    steps = np.stack(
        [np.sin(2 * np.pi * times / STRIDE + k) for k in range(3)]
        + [np.sin(4 * np.pi * times / STRIDE + k) for k in range(3)],
        axis=1,
    ).astype(np.float32)
    assert find_stride(steps, RATE) == pytest.approx(STRIDE * RATE, abs=1)
    noise = np.random.default_rng(0).normal(size=(240, 6)).astype(np.float32)
    assert find_stride(noise, RATE) is None


def test_a_loop_has_no_seam() -> None:
    times = np.arange(200)[:, None] / RATE
    drifting = (np.sin(2 * np.pi * times / STRIDE) + 0.5 * times).astype(np.float32)
    stride, fade = int(STRIDE * RATE), int(FADE * RATE)
    looped = loop(drifting, stride, fade, 400)
    assert len(looped) == 400
    np.testing.assert_allclose(looped[stride : 2 * stride], looped[:stride])
    assert np.abs(np.diff(looped[:, 0])).max() < 2 * np.abs(np.diff(drifting[:, 0])).max()
