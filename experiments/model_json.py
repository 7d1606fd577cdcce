"""Writes what was fitted into a model's ``model.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.kinds import read_model


def write_into(folder: Path, content: Mapping[str, Any]) -> None:
    """Change keys of a model's ``model.json``, and leave it as it was if it cannot be read then."""
    path = folder / "model.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(json.loads(before) | content, indent=2) + "\n", encoding="utf-8")
    try:
        read_model(folder)
    except InputError:
        path.write_text(before, encoding="utf-8")
        raise
