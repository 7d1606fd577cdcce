"""Arrays that are kept in a file once they are made, with a few words of where they are from.

The file is named after all that decides what is in it, so that what was made otherwise is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_uncertainseg.disk.replaced_file import replaced_file

if TYPE_CHECKING:
    import numpy as np

DAMAGED = (KeyError, ValueError, TypeError)
"""What it may raise to take apart what a damaged file holds."""


def file_of(folder: Path, decides: Sequence[Any]) -> Path:
    """The file for what is decided by this: what JSON can say."""
    said = json.dumps(decides, sort_keys=True)
    return folder / f"{hashlib.sha256(said.encode()).hexdigest()[:32]}.safetensors"


def write_arrays(file: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, str]) -> None:
    """Keep arrays; the folder is made if it is not there.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    import numpy as np
    from safetensors.numpy import save

    file.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(file) as stream:
        stream.write(save({name: np.ascontiguousarray(one) for name, one in arrays.items()}, dict(about)))


def read_arrays(file: Path) -> tuple[dict[str, np.ndarray], Mapping[str, str]] | None:
    """What `write_arrays` wrote; None where there is none, or it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as opened:
            about = opened.metadata() or {}
            return {name: opened.get_tensor(name) for name in opened.keys()}, about  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, *DAMAGED):
        return None
