"""Sample cases: a simulated one that needs no network, and a real patient."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.folder_lock import scratch_beside
from napari_uncertainseg.images.files import read_labels, read_volume, write_volume
from napari_uncertainseg.images.phantom import PhantomModel, simulate_patient
from napari_uncertainseg.images.volume import Volume

DATA_VARIABLE = "UNCERTAINSEG_DATA"
"""Environment variable: a folder with local copies of the real data."""
RATERS = 3

SIMULATED = (
    "Simulated case: no real patient. Anatomy: MNI152 template (ICBM 2009a, symmetric) by way of nilearn; "
    "lesions and raters are drawn at random."
)
CITATION = (
    "Patient 07 of 3D-MR-MS, licence CC BY. Cite: Lesjak et al., 'A novel public MR image dataset of "
    "multiple sclerosis patients with lesion segmentations based on multi-rater consensus', "
    "Neuroinformatics 2017, doi:10.1007/s12021-017-9348-7."
)

_VERSION = 2  # of what is cached; raise it when the drawing changes
_SOURCE = (
    "https://raw.githubusercontent.com/muschellij2/open_ms_data/ab6737647be9665e5448d18be2d715e0a89f7170/"
    "cross_sectional/MNI/patient07/"
)
_REMOTE = {
    "FLAIR": (
        "FLAIR_N4_noneck_reduced_winsor_regtoFLAIR_brain_N4_regtoMNI.nii.gz",
        "2f884f00d4e9cbca061a5fd2f988547df312d86194b331f4ca511cf852f775db",
    ),
    "T1": (
        "T1_N4_noneck_reduced_winsor_regtoFLAIR_brain_N4_regtoMNI.nii.gz",
        "0d9e0c933140e64ba42931f5ed7aece2a7cc7001fe6c8d753720c487f5e1b8b1",
    ),
    "T2": (
        "T2_N4_noneck_reduced_winsor_regtoFLAIR_brain_N4_regtoMNI.nii.gz",
        "272765a0f017d34d51de97690dd33495ce0191d04671be648bf2bc117bd4c4d7",
    ),
    "lesions": (
        "GOLD_STANDARD_N4_noneck_reduced_winsor_regtoFLAIR_regtoMNI.nii.gz",
        "811e8c906d572e8675c67c98176d0e883ec87655ebea89f31da407a18fb1aae7",
    ),
}


@dataclass(frozen=True, eq=False)
class SampleCase:
    """Scans of one visit with what is known about them.

    Attributes
    ----------
    flair, t1, t2
        Scans, None where there is none.
    truth
        Lesion mask: the truth of a simulated case, the consensus of a real one.
    raters
        Masks of single raters.
    about
        What it is, licence and citation, for the user.
    simulated
        Whether anything in it is simulated.
    """

    flair: Volume
    t1: Volume
    truth: Volume
    raters: tuple[Volume, ...]
    about: str
    simulated: bool
    t2: Volume | None = None

    @property
    def images(self) -> Mapping[str, Volume]:
        """Scans by modality."""
        found = {"flair": self.flair, "t1": self.t1, "t2": self.t2}
        return {modality: scan for modality, scan in found.items() if scan is not None}

    @property
    def scans(self) -> tuple[Volume, ...]:
        """Scans, the FLAIR last: it lies on top."""
        return tuple(reversed(tuple(self.images.values())))

    @property
    def masks(self) -> tuple[Volume, ...]:
        """Truth and raters."""
        return (self.truth, *self.raters)


def cache_folder() -> Path:
    """Folder of the user's cache for this program."""
    import platformdirs

    return platformdirs.user_cache_path("napari-uncertainseg", appauthor=False)


def simulated_case(folder: str | Path | None = None, seed: int = 7) -> SampleCase:
    """Simulated FLAIR and T1 with lesions, and three simulated raters.

    Parameters
    ----------
    folder
        Where it is kept once made; the user's cache if None. Each seed and each version
        of the model has a folder of its own there.
    seed
        The same seed gives the same case.

    Raises
    ------
    InputError
        If nilearn is not installed and the case was not made before.
    """
    model = PhantomModel()
    settings = {"version": _VERSION, "seed": seed, "raters": RATERS, **asdict(model)}
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    home = (Path(folder) if folder is not None else cache_folder()) / f"simulated-{seed}-{key}"
    if home.is_dir():
        try:
            return _read_simulated(home)
        except InputError:  # damaged: make it again
            shutil.rmtree(home, ignore_errors=True)
    case = _simulate(seed, model)
    try:
        _keep(case, home, settings)
    except (InputError, OSError):  # the cache cannot be written: the case is as good without
        return case
    return _read_simulated(home)


def patient07() -> SampleCase:
    """Real patient: FLAIR, T1, T2 and the consensus of three experts.

    Files come from the folder that ``UNCERTAINSEG_DATA`` names, else they are downloaded
    once from a public copy of the data set and checked.

    Raises
    ------
    InputError
        If there is neither a folder nor a connection.
    """
    paths = _local_patient07() or {name: _download(name) for name in _REMOTE}
    scans = {
        modality: replace(read_volume(paths[name], modality=modality), name=f"patient 07 {name}")
        for modality, name in (("flair", "FLAIR"), ("t1", "T1"), ("t2", "T2"))
    }
    truth = replace(read_labels(paths["lesions"], scans["flair"].grid), name="patient 07 consensus")
    return SampleCase(scans["flair"], scans["t1"], truth, (), CITATION, False, scans["t2"])


def _simulate(seed: int, model: PhantomModel) -> SampleCase:
    from napari_uncertainseg.raters.simulate import simulate_raters

    phantom = simulate_patient(seed, model)
    masks = simulate_raters(phantom.truth.data, phantom.truth.grid.spacing, RATERS, seed=seed)
    raters = tuple(
        Volume(mask.astype(np.uint8), phantom.truth.grid, f"simulated rater {i}")
        for i, mask in enumerate(masks, 1)
    )
    return SampleCase(phantom.flair, phantom.t1, phantom.truth, raters, SIMULATED, True)


def _keep(case: SampleCase, home: Path, settings: Mapping[str, object]) -> None:
    """Write a case into its folder, whole or not at all."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(home) as making:
        part = making / "case"
        part.mkdir()
        for volume in (*case.scans, *case.masks):
            write_volume(part / _file_name(volume.name), volume.data, volume.grid)
        about = {"about": case.about, "simulated": True, "settings": settings}
        (part / "about.json").write_text(json.dumps(about, indent=2))
        if not home.is_dir():
            part.rename(home)


def _file_name(name: str) -> str:
    return name.replace(" ", "_") + ".nii.gz"


def _read_simulated(home: Path) -> SampleCase:
    def scan(name: str, modality: str) -> Volume:
        return replace(read_volume(home / _file_name(name), modality=modality), name=name)

    flair = scan("simulated FLAIR", "flair")

    def mask(name: str) -> Volume:
        return replace(read_labels(home / _file_name(name), flair.grid), name=name)

    raters = tuple(mask(f"simulated rater {i}") for i in range(1, RATERS + 1))
    return SampleCase(flair, scan("simulated T1", "t1"), mask("simulated truth"), raters, SIMULATED, True)


def _local_patient07() -> dict[str, Path] | None:
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        return None
    folder = Path(named, "3d-mr-ms", "patient07")
    paths = {name: folder / f"{name}.nii.gz" for name in _REMOTE}
    missing = [p for p in paths.values() if not p.is_file()]
    if missing:
        raise InputError(
            f"{missing[0]}: not found; {DATA_VARIABLE} must name the folder that holds 3d-mr-ms/patient07."
        )
    return paths


def _download(name: str) -> Path:
    import pooch

    remote, sha256 = _REMOTE[name]
    try:
        return Path(
            pooch.retrieve(
                _SOURCE + remote, sha256, fname=f"{name}.nii.gz", path=cache_folder() / "patient07"
            )
        )
    except ValueError as error:  # pooch's word for another checksum
        raise InputError(
            f"Patient 07: {name} is not what was expected (its checksum differs) and not kept; try again, "
            f"or set {DATA_VARIABLE} to a folder with a copy (3d-mr-ms/patient07)."
        ) from error
    except OSError as error:
        raise InputError(
            f"Patient 07 could not be downloaded ({type(error).__name__}); connect to the internet, or set "
            f"{DATA_VARIABLE} to a folder with a copy (3d-mr-ms/patient07)."
        ) from error
