"""An audit as a folder: a page, tables, and all numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg.disk.new_folder import new_folder
from napari_uncertainseg.export import write_table


def write_audit(
    folder: Path, name: str, page: str, tables: Mapping[str, pd.DataFrame], numbers: Mapping[str, Any]
) -> None:
    """Write ``NAME.html``, ``NAME.json`` and tables into a new folder, whole or not at all.

    Parameters
    ----------
    folder
        Where to.
    name
        Of the page and the file of numbers.
    page
        HTML.
    tables
        By the name of their file.
    numbers
        All that was found, as `plain` takes it.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    text = json.dumps(plain(numbers), indent=2, allow_nan=False, ensure_ascii=False)
    with new_folder(folder) as whole:
        for file, table in tables.items():
            write_table(whole / file, table)
        (whole / f"{name}.html").write_bytes(page.encode("utf-8", "replace"))
        (whole / f"{name}.json").write_bytes(f"{text}\n".encode("utf-8", "replace"))


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists, paths as text, and None where a number is not defined."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
