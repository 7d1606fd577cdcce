"""Compressed files, made fast and without time or name in them: gzip for images, zip for arrays.

ISA-L (the package `isal`) makes them in a fraction of the time that zlib takes; where it is not installed,
the fastest level of zlib does, with other bytes. Whatever reads gzip or zip reads both.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np

_TOGETHER = 1 << 24
"""Bytes that are packed at a time."""
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Of a gzip file (RFC 1952): deflate; no name, no time, and no word of the machine that made it."""


class GzipWriter:
    """Writes a gzip file into another; what is written has to be closed.

    Parameters
    ----------
    file
        Where to; it stays open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._packer = file, _raw_packer()
        self._crc, self._size = 0, 0
        file.write(_HEADER)

    def write(self, content: bytes | memoryview) -> int:
        """Pack bytes."""
        view = memoryview(content).cast("B")
        for start in range(0, len(view), _TOGETHER):
            part = view[start : start + _TOGETHER]
            self._crc = zlib.crc32(part, self._crc)
            self._file.write(self._packer.compress(part))
        self._size += len(view)
        return len(view)

    def close(self) -> None:
        """Write the end: the checksum, and the size."""
        self._file.write(self._packer.flush())
        self._file.write(struct.pack("<II", self._crc, self._size & 0xFFFFFFFF))

    def __enter__(self) -> GzipWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()


def write_arrays(file: BinaryIO, arrays: Mapping[str, Any]) -> None:
    """Write arrays as ``numpy.savez_compressed`` does, which `numpy.load` reads.

    Parameters
    ----------
    file
        Where to; it stays open.
    arrays
        By name; what is no array becomes one.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in arrays.items():
            # zipfile gives what is opened so the first day of 1980, whenever it is.
            with archive.open(f"{name}.npy", "w", force_zip64=True) as part:
                # Not documented: where another Python has no such attribute, zlib packs as before.
                vars(part)["_compressor"] = _raw_packer()
                np.lib.format.write_array(part, np.asanyarray(values), allow_pickle=False)


class PackingThread:
    """Another thread, in which files are packed while the next is made: packing lets go of Python's lock.

    A context manager, which waits for all files at its end, and raises what the first that failed raised.
    Whatever goes wrong, the thread has ended afterwards, and writes nothing more.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._started: list[Future[Any]] = []

    def do(self, write: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Call a function there, after those before."""
        self._started.append(self._pool.submit(write, *arguments, **options))

    def __enter__(self) -> PackingThread:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                for each in self._started:
                    each.result()
        finally:
            self._pool.shutdown(cancel_futures=True)


def _raw_packer() -> Any:
    """Something that deflates, without a header."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return isal_zlib.compressobj(2, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
