"""What NumPy and the readers of archives raise where a file is damaged or something else."""

from __future__ import annotations

import struct
import tarfile
import tokenize
import zipfile
import zlib
from typing import Final

DAMAGE: Final = (
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tarfile.TarError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
