"""The files of a patient whose tissues and lesions are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError


@dataclass(frozen=True)
class TissueMap:
    """Files of a patient whose tissues and lesions are known, on one grid.

    Attributes
    ----------
    tissue
        0 is outside, then as in `drawn_heads.TISSUES`.
    lesions, brain
        Masks.
    """

    tissue: Path
    lesions: Path
    brain: Path

    @classmethod
    def in_folder(cls, folder: Path) -> TissueMap:
        """The files ``*Tissue*``, ``mask*`` and ``brain*`` of a patient's folder.

        Raises
        ------
        InputError
            If one of them is missing.
        """
        found = []
        for pattern in ("*Tissue*.nii*", "mask*.nii*", "brain*.nii*"):
            path = next(iter(sorted(folder.glob(pattern))), None)
            if path is None:
                raise InputError(f"{folder} has no file {pattern}: a patient's tissue map needs one.")
            found.append(path)
        return cls(*found)

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (self.tissue, self.lesions, self.brain)
