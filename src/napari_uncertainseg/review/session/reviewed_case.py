"""What a review needs of the case that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from napari_uncertainseg.review.verdicts import Voxel

if TYPE_CHECKING:
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


class ReviewedCase(Protocol):
    """What a review asks its case for, and tells it."""

    @property
    def prediction(self) -> Prediction | None:
        """The prediction under review."""

    @property
    def threshold(self) -> float:
        """Probability at and above which a voxel is lesion."""

    @property
    def min_volume(self) -> float:
        """Smaller components are left out, mm3."""

    @property
    def lesions(self) -> Lesions | None:
        """Lesions and candidates as outlined at present, painting included."""

    def restart_numbers(self, known: Sequence[tuple[Voxel, int]]) -> None:
        """Number lesions anew, as a session knows them; emits nothing."""

    def painting_changed(self) -> None:
        """Outline lesions anew, and say so."""
