"""What can be done with whole cases in a window: the bar asks for it, the window does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.explain.attention.files import is_attention_map
from napari_uncertainseg.images.formats.formats import format_of
from napari_uncertainseg.widgets.scans.chosen_scans import ChosenScans
from napari_uncertainseg.widgets.scans.layer_reader import LayerData

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.evaluate.saved_results import SavedResults


class Cases(Protocol):
    """The case of a window as a whole.

    Attributes
    ----------
    chosen
        Scans that are chosen to be segmented.
    """

    chosen: ChosenScans

    @property
    def name(self) -> str:
        """Of the case that is open, or of the scan that is chosen; empty where there is neither."""
        ...

    @property
    def flair(self) -> Layer | None:
        """The layer of the scan that is, or would be, segmented."""
        ...

    @property
    def results(self) -> Path | None:
        """The folder that the case was opened from; None where it was segmented here."""
        ...

    @property
    def in_exercise(self) -> bool:
        """Whether an exercise or a replay is on screen."""
        ...

    @property
    def blinded(self) -> bool:
        """Whether the reader must not see what others have decided, or what the answer is."""
        ...

    @property
    def arriving(self) -> bool:
        """Whether scans that were read are still being shown, one by one."""
        ...

    def may_close(self) -> bool:
        """Ask where work would be lost; True where nothing would be, or the user agrees.

        Raises `InputError` where the case cannot be closed now, as during an exercise.
        """
        ...

    def check_free(self) -> None:
        """Raise `InputError` where the case cannot be closed now."""
        ...

    def begin(self, layers: Sequence[LayerData]) -> None:
        """Close the case, and show scans of another in place of it. The caller asks first.

        Raises `InputError` where the case cannot be closed now.
        """
        ...

    def close(self) -> None:
        """Close the case, and take its scans and results out of the window. The caller asks first.

        Raises `InputError` where it cannot be closed now.
        """
        ...

    def admit(self, layers: Sequence[LayerData]) -> bool:
        """Ask about scans of another patient than the case's; False where they are not to be shown.

        The case is closed where the user wants that.
        """
        ...

    def beside(self, layers: Sequence[LayerData]) -> list[LayerData]:
        """Layers that `admit` let in, as they are to be added: what is not of the case hidden below it."""
        ...

    def show_results(self, restored: SavedResults, folder: Path) -> bool:
        """Show a folder of results that was read; False where the user keeps what is open."""
        ...


def is_readable(path: Path) -> bool:
    """Whether our reader opens what lies at a path."""
    return is_results(path) or is_attention_map(path) or format_of(path) is not None
