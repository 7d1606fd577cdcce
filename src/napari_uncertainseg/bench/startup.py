"""Row on the time to import."""

from __future__ import annotations

import statistics
import subprocess
import sys

from napari_uncertainseg.bench.timing import Row, costlier

_CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def rows(repeats: int) -> list[Row]:
    """Measure imports, each in a process of its own, in turn."""
    own, other = [], []
    for _ in range(max(3, repeats)):
        own.append(_import_seconds("napari_uncertainseg"))
        other.append(_import_seconds("numpy"))
    what, against = "import napari_uncertainseg", "import numpy"
    return [costlier(what, against, statistics.median(own), statistics.median(other), 1.5)]


def _import_seconds(name: str) -> float:
    code = _CODE.format(name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
