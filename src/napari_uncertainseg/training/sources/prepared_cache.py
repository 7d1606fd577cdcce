"""Prepared visits, kept as files: to find a brain and to correct a bias field takes long, and only once."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.images import preparation, resample
from napari_uncertainseg.networks import brain
from napari_uncertainseg.training import heads, planting, subjects
from napari_uncertainseg.training.sources import drawn_heads, visits
from napari_uncertainseg.training.sources.visits import Visit, read_visit
from napari_uncertainseg.training.subjects import Frame, Subject

_FLAGS = ("stripped", "is_background")
_TENSORS = ("images", "healthy", "brain", "labels", "ignored")


def prepared_visit(visit: Visit, cache: Path, *, bias_correction: bool) -> Subject:
    """Prepare a visit, or read it from the cache where the same files were prepared by the same code.

    Parameters
    ----------
    visit
        Where the files are.
    cache
        Folder of the cache; it is made where it is not there.
    bias_correction
        As for `read_visit`.

    Raises
    ------
    InputError
        As `read_visit` does.
    """
    made_of = [f"bias correction {bias_correction}, background {visit.is_background}"]
    made_of += [f"{name} {sha256_of(path)}" for name, path in sorted(visit.files.items())]
    return _kept(cache, made_of, lambda: read_visit(visit, bias_correction=bias_correction), _code(visits))


def drawn_healthy(label_map: Path, seed: int, cache: Path) -> Subject:
    """As `drawn_heads.draw_healthy`, or from the cache."""
    made_of = [f"healthy head {seed}", sha256_of(label_map)]
    return _kept(cache, made_of, lambda: drawn_heads.draw_healthy(label_map, seed, cache), _drawing_code())


def drawn_patient(files: drawn_heads.TissueMap, seed: int, cache: Path) -> Subject:
    """As `drawn_heads.draw_patient`, or from the cache."""
    made_of = [f"patient {seed}", *map(sha256_of, files.files)]
    return _kept(cache, made_of, lambda: drawn_heads.draw_patient(files, seed), _drawing_code())


def _kept(cache: Path, made_of: Sequence[str], make: Callable[[], Subject], code: Sequence[Path]) -> Subject:
    """A subject from the cache, or made and kept there: by the hash of all that it depends on."""
    parts = "\n".join([*made_of, *map(sha256_of, code)])
    path = cache / f"{hashlib.sha256(parts.encode()).hexdigest()[:32]}.npz"
    # What is damaged, or was left half written by another program, is made anew.
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return _load(path)
    subject = make()
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not the run
        _save(subject, path)
    return subject


def _code(last: ModuleType) -> list[Path]:
    modules = sorted(Path(str(preparation.__file__)).parent.glob("*.py"))
    others = (Path(str(module.__file__)) for module in (brain, resample, planting, subjects, last))
    return [*modules, *others, brain.WEIGHTS]  # they find the brain where none is given


def _drawing_code() -> list[Path]:
    return [*_code(drawn_heads), *sorted(Path(str(heads.__file__)).parent.glob("*.py"))]


def _save(subject: Subject, path: Path) -> None:
    """Write a visit so that it is in the cache whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(subject, name).numpy() for name in _TENSORS}
    arrays |= {name: np.array(getattr(subject, name)) for name in ("spacing", *_FLAGS)}
    if subject.frame is not None:
        arrays["frame"] = np.array([subject.frame.shape, *zip(*_ends(subject.frame), strict=True)])
    temporary = path.with_name(f".{secrets.token_hex(8)}.npz")
    try:
        np.savez_compressed(temporary, **arrays)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _ends(frame: Frame) -> list[tuple[int, int]]:
    return [(part.start, part.stop) for part in frame.box]


def _load(path: Path) -> Subject:
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        content: dict[str, Any] = {name: torch.from_numpy(file[name]) for name in _TENSORS}
        content |= {name: bool(file[name]) for name in _FLAGS}
        z, y, x = (float(step) for step in file["spacing"])
        frame = None
        if "frame" in file:
            shape, starts, stops = file["frame"].tolist()
            a, b, c = (slice(start, stop) for start, stop in zip(starts, stops, strict=True))
            frame = Frame((shape[0], shape[1], shape[2]), (a, b, c))
        return Subject(**content, spacing=(z, y, x), frame=frame)
