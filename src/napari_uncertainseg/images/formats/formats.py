"""File formats: one table that says all there is to say about each, and the way to its reader.

A further format is one entry here and its loader. napari's manifest has to repeat the names of files
(`name_patterns`); a test holds that it does. Nothing that reads images is imported before a file is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    from napari_uncertainseg.images.formats.raw_image import Place, RawImage


class Load(Protocol):
    """Reads a file or folder; of a 4-D file the volume ``index``."""

    def __call__(self, path: Path, index: int | None) -> RawImage:
        """Read; `InputError` if it is broken, not an image or not three-dimensional."""
        ...


@dataclass(frozen=True)
class FileFormat:
    """One file format.

    Attributes
    ----------
    words
        What it is called in messages.
    suffixes
        Of file names, in lower case.
    load
        Its reader.
    more_names
        Further patterns of names that napari offers to this reader.
    place
        Reads the header alone; it gives None, or there is none, where that takes as long as reading all.
    """

    words: str
    suffixes: tuple[str, ...]
    load: Load
    more_names: tuple[str, ...] = ()
    place: Callable[[Path, int | None, bool], Place | None] | None = None


def _load_nibabel(path: Path, index: int | None) -> RawImage:
    from napari_uncertainseg.images.formats.nibabel_images import load_nibabel

    return load_nibabel(path, index)


def _place_by_nibabel(path: Path, index: int | None, whole: bool) -> Place:
    from napari_uncertainseg.images.formats.nibabel_images import place_by_nibabel

    return place_by_nibabel(path, index, whole)


def _load_nrrd(path: Path, index: int | None) -> RawImage:
    from napari_uncertainseg.images.formats.nrrd import load_nrrd

    return _chosen(path, load_nrrd(path), index)


def _load_dicom(path: Path, index: int | None) -> RawImage:
    from napari_uncertainseg.images.formats.dicom import load_dicom

    return _chosen(path, load_dicom(path), index)


def _series_is_there(path: Path, index: int | None, whole: bool) -> None:
    """Refuse what is no series; where it lies, only all of its slices say."""
    from napari_uncertainseg.images.formats.dicom import dicom_series

    dicom_series(path)


def _chosen(path: Path, image: RawImage, index: int | None) -> RawImage:
    """One volume of an image that was read with all of them."""
    from napari_uncertainseg.images.formats.raw_image import choose_volume

    choice = choose_volume(path, image.array.shape, index)
    array = image.array if choice is None else image.array[..., choice]
    return replace(image, array=array.reshape(array.shape[:3]))


FORMATS: Mapping[str, FileFormat] = MappingProxyType(
    {
        "nifti": FileFormat("NIfTI", (".nii", ".nii.gz"), _load_nibabel, place=_place_by_nibabel),
        "mgz": FileFormat("mgz", (".mgz", ".mgh"), _load_nibabel, place=_place_by_nibabel),
        "nrrd": FileFormat("nrrd", (".nrrd", ".nhdr"), _load_nrrd),
        "dicom": FileFormat(
            "a DICOM folder",
            (".dcm", ".ima"),
            _load_dicom,
            # The last three are named by their UID, such as MR.1.2.840.113654.2: the roots that UIDs have.
            ("*.dicom", "*.mrdc.*", "*.1.2.[0-9]*", "*.1.3.[0-9]*", "*.2.16.[0-9]*"),
            place=_series_is_there,
        ),
    }
)
"""What can be read."""
DICOM = FORMATS["dicom"]
"""The one format that is a folder, and that is known by what files hold, whatever their names."""
NIFTI = FORMATS["nifti"]
"""The format that results are written in."""


def one_file_suffixes() -> tuple[str, ...]:
    """Suffixes of formats in which a scan is one file: not of DICOM, where it is a folder."""
    return tuple(suffix for each in FORMATS.values() if each is not DICOM for suffix in each.suffixes)


def name_patterns() -> tuple[str, ...]:
    """Patterns of file names for napari's manifest."""
    return tuple(
        pattern
        for each in FORMATS.values()
        for pattern in (*(f"*{suffix}" for suffix in each.suffixes), *each.more_names)
    )


def formats_in_words() -> str:
    """All formats for a message, such as ``"NIfTI, mgz, nrrd or a DICOM folder"``."""
    *first, last = (each.words for each in FORMATS.values())
    return f"{', '.join(first)} or {last}"


def suffix_of(path: Path) -> str:
    """Lower-case suffix, ``.nii.gz`` as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def format_of(path: Path) -> FileFormat | None:
    """The format of a file or folder, by its suffix and then by what it holds; None if it is unknown."""
    from napari_uncertainseg.images.formats.dicom import is_dicom

    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        for each in FORMATS.values():
            if suffix_of(path) in each.suffixes:
                return each
    return DICOM if is_dicom(path) else None


def load(path: Path, *, index: int | None = None) -> RawImage:
    """Read any supported file or DICOM folder.

    Parameters
    ----------
    path
        A file of one of `FORMATS`, a DICOM folder or one file of a DICOM series, whatever its name.
    index
        Which volume of a 4-D file.

    Raises
    ------
    InputError
        If it is missing, broken, not an image, or not three-dimensional.
    """
    return _known(path).load(path, index)


def place(path: Path, *, index: int | None = None, whole: bool = False) -> Place | None:
    """Where the voxels of a file lie, by its header; None where that takes as long as to `load` it.

    Parameters
    ----------
    path, index
        As of `load`.
    whole
        See also that the file does not end early: it is unpacked for that.

    Raises
    ------
    InputError
        As `load`, but for damaged voxels.
    """
    by_header = _known(path).place
    return None if by_header is None else by_header(path, index, whole)


def _known(path: Path) -> FileFormat:
    check_kind(path)
    known = DICOM if path.is_dir() else format_of(path)
    if known is None:
        raise InputError(f"{path}: unknown kind of file; {formats_in_words()} can be read.")
    return known


def check_kind(path: Path) -> None:
    """Refuse what is no file or folder, before anything waits for it: a pipe or a device never ends."""
    try:
        about = path.stat()
    except ValueError as error:
        raise InputError(f"{str(path)!r} is no name that a file can have ({error}).") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: there is no such file or folder.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
        raise InputError(f"{path}: this is a device, a pipe or a socket; a file or a folder is needed.")
    if stat.S_ISREG(about.st_mode) and about.st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again from its source.")
