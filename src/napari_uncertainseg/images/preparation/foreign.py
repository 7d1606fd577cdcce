"""From the user's scans to what a model made elsewhere reads, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.preparation.align import align
from napari_uncertainseg.images.preparation.found_brain import WHOLE, FoundBrain, accept
from napari_uncertainseg.images.preparation.prepare import NetworkInput, Prepared, check_volume
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing, Stack, Undo
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import Course, course_of, end_own
from napari_uncertainseg.progress.segmentation import millions

_MASK_UNUSED = "This model was made elsewhere and prepares the scans in its own way: no brain mask was used."


@dataclass(frozen=True, eq=False)
class ForeignInput(NetworkInput):
    """What the network reads, on voxels of its own.

    Its ``brain`` is all of them, and ``box`` is that of the scan's voxels that the network was given.
    """

    _undo: Undo
    _moves: Literal["probabilities", "logits"]

    @property
    def exact(self) -> bool:
        """Never: axes may be turned, even where the shapes are the same."""
        return False

    @property
    def moves_logits(self) -> bool:
        """Whether logits are brought back, and become probabilities then."""
        return self._moves == "logits"

    def back(self, array: np.ndarray) -> np.ndarray:
        """Bring a map of probabilities onto the scan's own grid, 0 where the network was given nothing."""
        array = np.asarray(array, np.float32)
        out = np.zeros(self._shape, np.float32)
        out[self.box] = (as_logits(array, self._moved) if self.moves_logits else self._moved(array)) * (
            self._inside
        )
        return out

    def values(self, array: np.ndarray) -> np.ndarray:
        """What an array, such as logits of one class, is in the scan's voxels that the network was given."""
        return self._moved(np.asarray(array, np.float32))[self._inside]

    def _moved(self, array: np.ndarray) -> np.ndarray:
        """An array within the box on the scan's own grid, as the steps' way back makes it."""
        if array.shape != self.brain.shape:
            raise ValueError(
                f"a map of shape {array.shape} does not fit an input of shape {self.brain.shape}"
            )
        return self._undo(array)[self.box]


def as_logits(probability: np.ndarray, move: Undo) -> np.ndarray:
    """Probabilities whose logits were moved; those of nothing are nothing.

    Parameters
    ----------
    probability
        float32, any shape, 0 to 1.
    move
        What is done to the logits.
    """
    if not probability.any():  # the variance of a single head, say
        return move(probability)
    # In float32, 1 less the smallest step is a logit of 16.6; what is larger counts as that.
    logits = scipy.special.logit(np.clip(probability, 1e-30, 1 - np.finfo(np.float32).epsneg))
    return scipy.special.expit(move(logits)).astype(np.float32)


def prepare_foreign(
    images: Mapping[str, Volume],
    modalities: tuple[str, ...],
    main: str,
    preprocessing: ForeignPreprocessing,
    *,
    mask: Volume | None = None,
    look: Callable[[FoundBrain], object] = accept,
    progress: Progress = silent,
) -> tuple[Prepared, ForeignInput]:
    """Bring a visit's scans onto the main one's grid, and do to them what the model's maker did.

    Parameters
    ----------
    images
        By modality, the main one among them.
    modalities
        That the model reads, in the order of its channels; one that is not given is a channel of zeros.
    main
        The one whose grid counts.
    preprocessing
        What is done.
    mask
        The user's brain mask: it is not used, and a note says so.
    look
        Called with the region that the model is given, before the network starts; what it raises ends the
        work.
    progress
        Called now and then; may raise ``Cancelled``.

    Returns
    -------
    Prepared, ForeignInput
        The first with the scans as they are, and that region for the brain.

    Raises
    ------
    InputError
        If the scans do not belong together, or do not allow a step.
    """
    for volume in images.values():
        check_volume(volume)
    grid = images[main].grid
    course, voxels = course_of(progress), millions(grid.shape)
    course.expect({steps.ALIGN: (len(images) - 1) * voxels, steps.SKULL: 0, steps.NORMALISE: 0})
    course.expect({steps.STEPS_OF_MODEL: voxels * len(modalities)})
    channels, notes = _on_one_grid(images, main, course)
    notes += [_MASK_UNUSED] if mask is not None else []
    with course.step(steps.STEPS_OF_MODEL, voxels * len(modalities), "preparing the scans"):
        stack, back = _with_steps(preprocessing, _stacked(channels, modalities, grid), grid, course)
    if not np.isfinite(stack.channels).all():
        raise InputError(f"'{images[main].name}': what the model's own preparation makes of it overflows.")
    region = back(np.ones(stack.shape, np.float32)) >= 0.5
    given = FoundBrain(region, WHOLE)
    look(given)
    source = _as_input(stack, modalities, region, back, preprocessing)
    end_own(course, progress)
    return Prepared(grid, channels, region, given.source, notes=tuple(notes)), source


def _stacked(channels: Mapping[str, np.ndarray], modalities: tuple[str, ...], grid: Grid) -> Stack:
    """The model's channels as they lay in the main scan's file; one that is not given is zeros."""
    nothing = np.zeros(grid.shape, np.float32)
    arrays = [grid.to_file(channels.get(modality, nothing))[0] for modality in modalities]
    return Stack(np.stack(arrays), grid.to_file(nothing)[1])


def _with_steps(
    preprocessing: ForeignPreprocessing, stack: Stack, grid: Grid, course: Course
) -> tuple[Stack, Undo]:
    """What the model's maker did to the scans, and how an array gets back from there to the scan's grid."""
    undos: list[Undo] = [grid.to_canonical]
    for number, step in enumerate(preprocessing.steps):
        course("preparing the scans", number / len(preprocessing.steps))
        stack, undo = step.apply(stack)
        undos.append(undo)

    def back(array: np.ndarray) -> np.ndarray:
        for undo in reversed(undos):
            array = undo(array)
        return array

    return stack, back


def _as_input(
    stack: Stack,
    modalities: tuple[str, ...],
    region: np.ndarray,
    back: Undo,
    preprocessing: ForeignPreprocessing,
) -> ForeignInput:
    """What the network reads; all of it counts, and the region is where it lies on the scan's grid."""
    box = bounding_box(region)
    return ForeignInput(
        {modality: np.ascontiguousarray(c) for modality, c in zip(modalities, stack.channels, strict=True)},
        np.ones(stack.shape, bool),
        box,
        region[box],
        region.shape,
        back,
        preprocessing.moves,
    )


def _on_one_grid(
    images: Mapping[str, Volume], main: str, course: Course
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The scans on the main one's grid, float32, and what files and alignment say."""
    fixed = images[main]
    notes = [note for volume in images.values() for note in volume.notes]
    channels = {main: np.asarray(fixed.data, np.float32)}
    for modality in images:
        if modality != main:
            with course.step(steps.ALIGN, millions(fixed.grid.shape), f"aligning {title_of(modality)}"):
                aligned = align(replace(images[modality], modality=modality), fixed, course)
            channels[modality] = np.asarray(aligned.data, np.float32)
            notes += [aligned.note] if aligned.note else []
    return channels, notes
