"""What the file formats hold: an array in the file's own axis order and its affine, nothing mended."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    import SimpleITK as sitk

NIBABEL_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh")
NRRD_SUFFIXES = (".nrrd", ".nhdr")
DICOM_SUFFIXES = (".dcm", ".ima")
LARGEST = 1024**3
"""More voxels than this are refused before anything is allocated."""

_DEFLATE_LIMIT = 1100  # deflate cannot pack more than about 1032 bytes into one
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class SeveralVolumes(InputError):
    """A 4-D file was opened without saying which volume; ``count`` is how many it holds."""

    def __init__(self, path: Path, count: int) -> None:
        super().__init__(
            f"{path}: the file holds {count} volumes; choose one by its index, 0 to {count - 1}."
        )
        self.count = count


@dataclass(frozen=True, eq=False)
class Stored:
    """One file's content.

    Attributes
    ----------
    array
        In the file's axis order; 3-D, or 4-D with the volumes last. Scale factors are applied.
    affine
        4x4, voxel index of the first three axes to RAS+ mm.
    description
        What the header calls it (NIfTI ``descrip``, DICOM SeriesDescription).
    notes
        One sentence each, for the user.
    """

    array: np.ndarray
    affine: np.ndarray
    description: str = ""
    notes: tuple[str, ...] = ()


def suffix_of(path: Path) -> str:
    """Lower-case suffix, ``.nii.gz`` as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, or a folder holds a DICOM file."""
    if path.is_dir():
        return any(is_dicom(p) for p in sorted(path.iterdir())[:50] if p.is_file())
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def load(path: Path, *, index: int | None = None) -> Stored:
    """Read any supported file or DICOM folder.

    Parameters
    ----------
    path
        NIfTI, mgz, nrrd, a DICOM folder or one file of a DICOM series.
    index
        Which volume of a 4-D file.

    Raises
    ------
    InputError
        If it is missing, broken, not an image, or not three-dimensional.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder.")
    if path.is_dir() or suffix_of(path) in DICOM_SUFFIXES or (not suffix_of(path) and is_dicom(path)):
        stored = _load_dicom(path)
    elif suffix_of(path) in NIBABEL_SUFFIXES:
        return _load_nibabel(path, index)
    elif suffix_of(path) in NRRD_SUFFIXES:
        stored = _load_nrrd(path)
    else:
        raise InputError(
            f"{path}: unknown kind of file; NIfTI (.nii, .nii.gz), .mgz, .nrrd or a DICOM folder can be read."
        )
    choice = choose_volume(path, stored.array.shape, index)
    array = stored.array if choice is None else stored.array[..., choice]
    return Stored(array.reshape(array.shape[:3]), stored.affine, stored.description, stored.notes)


def choose_volume(path: Path, shape: Sequence[int], index: int | None) -> int | None:
    """Index into the fourth axis, or None when there is no fourth axis; refuses what is not a volume."""
    trimmed = list(shape)
    while len(trimmed) > 3 and trimmed[-1] == 1:
        trimmed.pop()
    size = " x ".join(str(n) for n in trimmed)
    if 0 in trimmed:
        raise InputError(f"{path}: the image is empty ({size} voxels).")
    if len(trimmed) < 3 or min(trimmed[:3]) == 1:
        raise InputError(
            f"{path}: the image is two-dimensional ({size}); a three-dimensional scan is needed."
        )
    if len(trimmed) > 4:
        raise InputError(f"{path}: the image has {len(trimmed)} dimensions ({size}); a scan has three.")
    if int(np.prod([int(n) for n in trimmed[:3]], dtype=object)) > LARGEST:
        raise InputError(
            f"{path}: {size} voxels are too many; crop or resample it to at most 1024 x 1024 x 1024."
        )
    if len(trimmed) == 3:
        if index not in (None, 0):
            raise InputError(f"{path}: there is no volume {index}, the file holds one volume (index 0).")
        return 0 if len(shape) == 4 else None
    if index is None:
        raise SeveralVolumes(path, trimmed[3])
    if not 0 <= index < trimmed[3]:
        raise InputError(f"{path}: there is no volume {index}; the file holds 0 to {trimmed[3] - 1}.")
    return index


# -- NIfTI and mgz -----------------------------------------------------------------------------


def _load_nibabel(path: Path, index: int | None) -> Stored:
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.imageglobals import LoggingOutputSuppressor
    from nibabel.spatialimages import HeaderDataError

    broken = (OSError, EOFError, zlib.error, gzip.BadGzipFile, ImageFileError, HeaderDataError, ValueError)
    try:
        # Silent: what the library mends in a header and matters is refused or noted here.
        with LoggingOutputSuppressor():
            image: Any = nib.load(path)
        shape = tuple(int(n) for n in image.shape)
    except broken as error:
        raise InputError(
            f"{path}: the file cannot be read as {suffix_of(path)}: {_first_line(error)}."
        ) from error
    dtype = image.get_data_dtype()
    if dtype.fields is not None:
        raise InputError(f"{path}: this is a colour (RGB) image; a scan has one value per voxel.")
    choice = choose_volume(path, shape, index)
    _check_size(path, shape, dtype.itemsize)
    _check_stored_spacing(path, image)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            array = _voxels(image.dataobj, choice)
    except (*broken, MemoryError) as error:
        raise InputError(
            f"{path}: the file ends early or is damaged ({_first_line(error)}); copy it again."
        ) from error
    header = image.header
    description = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1") if "descrip" in header else ""
    return Stored(array.reshape(array.shape[:3]), image.affine, description, _affine_notes(path, header))


def _voxels(stored: Any, choice: int | None) -> np.ndarray:
    """Voxels with scale factors applied: as float32 where the integers fit, the library takes float64."""
    if choice is not None:
        return np.asanyarray(stored[..., choice])
    slope, inter = float(getattr(stored, "slope", 1)), float(getattr(stored, "inter", 0))
    if (slope, inter) != (1, 0) and stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        largest = abs(slope) * np.iinfo(stored.dtype).max + abs(slope) + abs(inter)
        if largest < np.finfo(np.float32).max:
            array = np.asarray(stored.get_unscaled(), np.float32)
            array *= np.float32(slope)
            array += np.float32(inter)
            return array
    return np.asanyarray(stored)


def _check_stored_spacing(path: Path, image: Any) -> None:
    """Refuse a NIfTI whose affine comes from voxel sizes of 0, which the library silently makes 1 mm."""
    if "pixdim" not in image.header or image.header["sform_code"] > 0:
        return
    with image.file_map["image"].get_prepare_fileobj("rb") as file:
        sizes = type(image.header).from_fileobj(file, check=False)["pixdim"][1:4]
    if not (np.abs(sizes) > 0).all():
        raise InputError(
            f"{path}: the header gives no voxel size ({', '.join(f'{s:g}' for s in sizes)} mm); "
            "a correct header is needed."
        )


def _check_size(path: Path, shape: Sequence[int], itemsize: int) -> None:
    declared = int(np.prod([int(n) for n in shape], dtype=object)) * itemsize
    packed = suffix_of(path) in (".nii.gz", ".mgz")
    if declared > path.stat().st_size * (_DEFLATE_LIMIT if packed else 1):
        raise InputError(
            f"{path}: the header declares {declared / 1e6:.1f} MB of voxels and the file is shorter: "
            "it was cut off; copy it again from its source."
        )


def _affine_notes(path: Path, header: Any) -> tuple[str, ...]:
    """Say when a NIfTI header has no affine, or two that contradict each other."""
    if "sform_code" not in header:
        return ()
    known = int(header["sform_code"] > 0) + int(header["qform_code"] > 0)
    if known == 0:
        return (
            f"{path.name}: the header does not say how the patient lies; left and right, and all "
            "directions, are a guess.",
        )
    if known == 1:
        return ()
    try:
        sform, qform = header.get_sform(), header.get_qform()
    except ValueError:
        return ()
    far = np.array([*(np.array(header.get_data_shape()[:3]) - 1), 1])
    apart = max(np.linalg.norm((sform - qform)[:3, 3]), np.linalg.norm(((sform - qform) @ far)[:3]))
    if not apart > 1:
        return ()
    return (f"{path.name}: sform and qform disagree by up to {apart:.1f} mm; the sform is used.",)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


# -- nrrd and DICOM ------------------------------------------------------------------------------


def _load_nrrd(path: Path) -> Stored:
    import SimpleITK as sitk

    _check_nrrd_header(path)
    try:
        return _from_itk(path, sitk.ReadImage(str(path)))
    except RuntimeError as error:
        raise InputError(f"{path}: the file is damaged or not a nrrd image; copy it again.") from error


def _check_nrrd_header(path: Path) -> None:
    """Refuse what the reader would fill in silently, or allocate before it looks."""
    with path.open("rb") as file:
        head = file.read(65536).split(b"\n\n")[0].split(b"\r\n\r\n")[0]
    if not head.startswith(b"NRRD"):
        raise InputError(f"{path}: the file is not a nrrd image.")
    lines = head.decode("latin-1").splitlines()
    fields = {
        k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines) if v.strip()
    }
    if "spacings" not in fields and "space directions" not in fields:
        raise InputError(f"{path}: the header gives no voxel spacing; add `space directions` in mm.")
    sizes = fields.get("sizes", "").split()
    if not all(n.isdigit() for n in sizes):
        raise InputError(f"{path}: the header's sizes cannot be read.")
    if int(np.prod([int(n) for n in sizes], dtype=object)) > LARGEST:
        raise InputError(f"{path}: {' x '.join(sizes)} voxels are too many; at most 1024 x 1024 x 1024.")


def _from_itk(path: Path, image: sitk.Image, description: str = "") -> Stored:
    import SimpleITK as sitk

    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"{path}: every voxel holds several values (RGB or vectors); a scan has one value.")
    dimension = image.GetDimension()
    array = sitk.GetArrayFromImage(image).transpose()
    if dimension < 3:
        choose_volume(path, array.shape, None)
    direction = np.reshape(image.GetDirection(), (dimension, dimension))[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return Stored(array, _LPS_TO_RAS @ affine, description)


def dicom_series(path: Path) -> tuple[str, ...]:
    """Files of the image series in a folder, or of the series that a file belongs to, in order.

    Raises
    ------
    InputError
        If there is no image series, or several to choose from.
    """
    import SimpleITK as sitk

    folder = path if path.is_dir() else path.parent
    names = {uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
             for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))}  # fmt: skip
    if not path.is_dir():
        own = _dicom_tag(str(path), "0020|000e")
        names = {uid: files for uid, files in names.items() if uid == own}
    images = {uid: files for uid, files in names.items() if _has_pixels(files[0])}
    if not images:
        raise InputError(f"{path}: no DICOM image series was found there.")
    if len(images) > 1:
        found = "; ".join(
            f"{_dicom_tag(files[0], '0008|103e') or 'unnamed'} ({len(files)} files, {Path(files[0]).name})"
            for files in images.values()
        )
        raise InputError(
            f"{path}: {len(images)} image series were found: {found}. Open one file of one of them."
        )
    return tuple(next(iter(images.values())))


def _dicom_header(file: str) -> sitk.ImageFileReader:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return reader


def _dicom_tag(file: str, key: str) -> str:
    try:
        reader = _dicom_header(file)
    except RuntimeError:
        return ""
    return reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else ""


def _has_pixels(file: str) -> bool:
    return bool(_dicom_tag(file, "0028|0010")) and not _dicom_tag(file, "0008|0060").startswith("RT")


def _load_dicom(path: Path) -> Stored:
    import SimpleITK as sitk

    files = dicom_series(path)
    if not _dicom_tag(files[0], "0028|0030") and not _dicom_tag(files[0], "5200|9229"):
        raise InputError(f"{path}: the DICOM files give no pixel spacing; a scan needs its voxel size in mm.")
    if len(files) > 1:
        _check_slices(path, files)
    try:
        image = sitk.ReadImage(files if len(files) > 1 else files[0])
    except RuntimeError as error:
        raise InputError(f"{path}: the DICOM series cannot be read: {_first_line(error)}.") from error
    return _from_itk(path, image, _dicom_tag(files[0], "0008|103e"))


def _check_slices(path: Path, files: Sequence[str]) -> None:
    """Refuse a series with missing slices: lesion volumes would be wrong."""
    positions = [_dicom_tag(f, "0020|0032").split("\\") for f in files]
    if any(len(p) != 3 for p in positions):
        return
    steps = np.linalg.norm(np.diff(np.array(positions, dtype=float), axis=0), axis=1)
    usual = float(np.median(steps))
    if usual == 0 or steps.max() > 1.5 * usual or steps.min() < 0.5 * usual:
        raise InputError(
            f"{path}: the slices are not evenly spaced ({steps.min():.2f} to {steps.max():.2f} mm); "
            "some are missing or doubled, export the series again."
        )
