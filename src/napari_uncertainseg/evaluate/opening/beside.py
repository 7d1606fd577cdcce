"""A mask of lesions in the folder of a scan: it is offered as reference, and never taken for a scan."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.images.belonging import ScanOrigin, contradiction
from napari_uncertainseg.images.files import looks_like_labels, read_labels, stem
from napari_uncertainseg.images.formats.formats import one_file_suffixes, suffix_of
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import guess_modality

MOST = 2000
"""Files of a folder that are looked at."""
_READ = 6
"""Files that are read: who has more masks beside one scan knows which one is meant."""
_LARGEST_ML = 400.0
"""A larger mask is no lesion: an adult's brain has more than 900 ml."""
_ORDER = (
    r"(consensus|gt|truth|groundtruth|reference|ref)\d*",
    r"(lesions?|lesionmasks?|les|wmh|wml)\d*",
    r"(masks?|segs?|segmentations?|labels?|rois?|annotations?)\d*",
    r"(raters?|readers?|experts?|annotators?)\d*",
)
"""Whole words of a name that say that it is a mask, those first that make the best reference."""
_MASK = re.compile(f"^({'|'.join(_ORDER)})$", re.IGNORECASE)
_ELSE = re.compile(
    r"^(brains?|brainmasks?|bet|skull\w*|heads?|body|ventricles?|tissues?|wm|gm|csf|aseg|aparc|dseg|thalam\w*"
    r"|prob\w*|pred\w*|auto|candidates?|painted|members?|uncertainty|entropy|masked|stripped)$",
    re.IGNORECASE,
)
"""Whole words that say that it is a mask of something else, or was made by a program."""
_PLAIN = re.compile(r"^([23]d|ax\w*|tra\w*|sag\w*|cor\w*|series|scan|image|iso|reg\w*|coreg\w*|space)$", re.I)
_WORD = re.compile(r"[A-Za-z]+\d*|\d+")


def masks_beside(scan: Path, grid: Grid) -> list[Volume]:
    """Masks of lesions in the folder of a scan, the likeliest reference first. For any thread.

    A mask has a word for one as a whole word of its name (`P1_T1_MASK`, `consensus_gt`, `07_lesion`), no word
    of another person or of a brain, lies on the scan's grid and is smaller than a brain. What cannot be read
    is passed over.

    Parameters
    ----------
    scan
        The file of the scan.
    grid
        On which it lies.
    """
    named = sorted(
        (path for path in _files(scan.parent) if path.name != scan.name and may_be_mask(path, scan)),
        key=lambda path: (_rank(path), path.name),
    )
    read = (_read(path, grid) for path in named[:_READ])
    return [mask for mask in read if mask is not None]


def may_be_mask(path: Path, scan: Path) -> bool:
    """Whether the name of a file says that it is a mask of lesions on this scan."""
    words = _words(path)
    if not any(map(_MASK.match, words)) or any(map(_ELSE.match, words)):
        return False
    if contradiction(ScanOrigin("", path), ScanOrigin("", scan)):
        return False
    ids, ours = _ids(path), _ids(scan)
    return not (ids and ours) or bool(ids & ours) or not any(map(_counted, ids))


def _files(folder: Path) -> list[Path]:
    """Images of a folder, `MOST` at most; none where it cannot be read, or holds results.

    What a run has found is no reference for it.
    """
    if is_results(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in islice(entries, MOST) if _is_image(entry)]
    except OSError:
        return []


def _is_image(entry: os.DirEntry[str]) -> bool:
    named = suffix_of(Path(entry.name)) in one_file_suffixes() and not entry.name.startswith(".")
    try:
        return named and entry.is_file()
    except OSError:  # such as a link to itself
        return False


def _words(path: Path) -> list[str]:
    return _WORD.findall(stem(path))


def _rank(path: Path) -> int:
    words = _words(path)
    fits = (i for i, each in enumerate(_ORDER) if any(re.fullmatch(each, word, re.I) for word in words))
    return next(fits, len(_ORDER))


def _ids(path: Path) -> set[str]:
    """Words of a name that may say whose it is."""
    plain = (_MASK, _PLAIN)
    words = [word for word in _words(path) if not any(each.match(word) for each in plain)]
    return {word.lower().lstrip("0") for word in words if guess_modality(word) is None}


def _counted(word: str) -> bool:
    return any(letter.isdecimal() for letter in word)


def _read(path: Path, grid: Grid) -> Volume | None:
    """What a file holds, where that is a mask on a grid, and smaller than a brain."""
    try:
        labels = read_labels(path, grid)
    except (InputError, OSError, MemoryError):
        return None
    voxel = abs(float(np.linalg.det(grid.affine[:3, :3])))
    large = np.count_nonzero(labels.data) * voxel / 1000 >= _LARGEST_ML
    return None if large or not looks_like_labels(labels.data) else labels
