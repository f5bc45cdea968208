from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harpi.imu.emulator.chip import Fifo


@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 40))))
def test_it_keeps_the_newest_bytes_in_order(steps: list[bytes | int]) -> None:
    fifo, model, last = Fifo(32), b"", 0
    for step in steps:
        if isinstance(step, bytes):
            assert fifo.push(step) == (len(model + step) > 32)
            model = (model + step)[-32:]
        else:
            popped = fifo.pop(step)
            expected, model = model[:step], model[step:]
            last = expected[-1] if expected else last
            assert popped == expected + bytes([last]) * (step - len(expected))
        assert len(fifo) == len(model)


def test_an_overflow_leaves_frames_of_twelve_bytes_out_of_step() -> None:
    fifo = Fifo(1024)
    for frame in range(100):
        fifo.push(bytes([frame] * 12))
    assert len(fifo) == 1024
    assert fifo.pop(4) == bytes([14] * 4)  # the last third of a frame whose rest was dropped
    assert fifo.pop(12) == bytes([15] * 12)


def test_clear_forgets_the_last_byte_too() -> None:
    fifo = Fifo(8)
    fifo.push(b"\x07")
    assert fifo.pop(2) == b"\x07\x07"
    fifo.clear()
    assert fifo.pop(1) == b"\x00"
