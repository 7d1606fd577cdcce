"""Streams that are read to their end: only there does the checksum of a packed file speak."""

from __future__ import annotations

from typing import Protocol

_BLOCK = 1 << 20
_MOST_MORE = 256 * _BLOCK
"""What may follow the voxels, in bytes; a small packed file may unfold to far more."""


class Readable(Protocol):
    """A file, or what unpacks one."""

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes."""


def read_exactly(stream: Readable, count: int) -> tuple[bytearray, int]:
    """Read so many bytes, and on to the end.

    Returns
    -------
    data, more
        The bytes, and how many followed them.

    Raises
    ------
    EOFError
        If there are fewer.
    OSError, zlib.error
        If what is packed is damaged, the checksum at its end among it.
    """
    parts, left = [], count
    while left > 0 and (block := stream.read(min(left, 16 * _BLOCK))):
        parts.append(block)
        left -= len(block)
    if left > 0:
        raise EOFError("the file ends early")
    return bytearray().join(parts), read_to_end(stream)


def read_to_end(stream: Readable, most: int = _MOST_MORE) -> int:
    """Read what is left and throw it away; how many bytes that was.

    Raises
    ------
    OSError, EOFError, zlib.error
        If what is packed is damaged, or far longer than ``most``.
    """
    count = 0
    while block := stream.read(_BLOCK):
        count += len(block)
        if count > most:
            raise OSError("far more follows than the header says")
    return count
