"""Benchmarks: what harpi costs, and what others cost that do parts of the same.

Importing this sets one thread for the libraries of linear algebra, as `harpi` itself does; it
must come before numpy is imported.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
