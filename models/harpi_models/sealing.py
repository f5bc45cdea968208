"""Fill in the digest that makes a damaged file noticeable."""

from __future__ import annotations

import hashlib

import msgspec

from harpi.recognition.model_file import NO_DIGEST, ModelMetadata


def seal(content: bytes, metadata: ModelMetadata) -> tuple[bytes, ModelMetadata]:
    """Replace the zeros of the digest by the SHA-256 of the file as it is with them.

    Args:
        content: a file whose metadata buffer holds `metadata` as JSON, digest open.
        metadata: the same metadata.

    Returns:
        The sealed file, and the metadata with the digest in it.
    """
    open_text = msgspec.json.encode(metadata)
    at = content.index(open_text)
    digest = hashlib.sha256(content).hexdigest()
    sealed_text = open_text.replace(NO_DIGEST.encode(), digest.encode())
    sealed = content[:at] + sealed_text + content[at + len(open_text) :]
    return sealed, msgspec.structs.replace(metadata, digest=digest)
