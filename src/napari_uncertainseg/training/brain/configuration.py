"""What a training of the brain network is told."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.validation import Strict, key_in_toml, validated

_Path = Annotated[Path, Field(strict=False)]
_Texts = Annotated[tuple[str, ...], Field(strict=False)]
_FREE = ("output", "label_maps", "lesion_masks", "data", "cache", "start_from", "steps")
_FALL = 0.3
"""Share of the steps in which the rate falls."""


class BrainTraining(Strict):
    """A run.

    Attributes
    ----------
    output
        Folder of the checkpoint, the log and the weights.
    label_maps, lesion_masks
        Folders of heads as label maps, and of lesion masks in MNI space, which are planted into them.
    cache
        Folder of what is computed from the label maps once.
    data
        Folder of the real scans with their brain masks, see `heads.real_heads`.
    sources
        Names of those that are trained on, such as ``"ms3seg"``; what is not named is left out.
    real
        Share of the steps with a real scan.
    steps, learning_rate, seed
        The rate rises for 20 steps, and falls to 0 in the last third; the steps may be changed before that.
    start_from
        Weights to begin with.
    """

    model_config = ConfigDict(extra="forbid")

    output: _Path
    label_maps: _Path
    lesion_masks: _Path
    cache: _Path
    data: _Path
    sources: _Texts = ()
    real: float = Field(default=0.0, ge=0, le=1)
    steps: int = Field(ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    seed: int = 0
    start_from: _Path | None = None

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        left = (self.steps - step) / (_FALL * self.steps)
        return self.learning_rate * min(1.0, (step + 1) / 20, left)

    def made_from(self) -> dict[str, str]:
        """What its weights depend on, as texts."""
        return {name: str(value) for name, value in self.model_dump().items() if name not in _FREE}


def read_brain_training(path: Path, fold: str | None = None) -> BrainTraining:
    """Read a run from a TOML file; relative paths count from its folder.

    Parameters
    ----------
    path
        Of the file: the keys of `BrainTraining`, and tables that replace some of them.
    fold
        Name of the table to use.

    Raises
    ------
    InputError
        If the file is missing, or holds keys or values that cannot work.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as TOML: {error}.") from error
    tables = {key: values.pop(key) for key in list(values) if isinstance(values[key], dict)}
    if fold is not None and fold not in tables:
        raise InputError(f"{path} has no table [{fold}]: name one of {', '.join(tables) or 'none'}.")
    read = validated(BrainTraining, {**values, **tables.get(fold or "", {})}, str(path), key=key_in_toml)
    folder = path.resolve().parent
    named = ("output", "label_maps", "lesion_masks", "cache", "data", "start_from")
    absolute = {n: folder / getattr(read, n) for n in named if getattr(read, n) is not None}
    return read.model_copy(update=absolute)
