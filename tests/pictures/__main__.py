"""Make the pictures of the terminal in docs/images: `python -m tests.pictures`."""

from __future__ import annotations

import os

# The daemon is in this process, and nothing has imported NumPy yet.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tests.pictures import commands, demo

if __name__ == "__main__":
    commands.draw()
    demo.draw()
