"""A prediction in the store: the case that it is of, and the output of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.review.database.allowed_content import is_sha256
from napari_uncertainseg.review.store.store import Store

PROJECT = "review"
"""Project of the sessions in which cases are read."""


class RegisteredPrediction(Protocol):
    """What the store keeps of a prediction.

    Attributes
    ----------
    sha256
        Hash of its maps, hexadecimal.
    threshold
        Probability from which a voxel counts as lesion.
    information
        What it was made of and with: ``inputs``, ``case``, ``model``, ``model_sha256``, ``method``.
    """

    @property
    def sha256(self) -> str: ...  # noqa: D102

    @property
    def threshold(self) -> float: ...  # noqa: D102

    @property
    def information(self) -> Mapping[str, Any]: ...  # noqa: D102


def register_prediction(store: Store, prediction: RegisteredPrediction) -> tuple[int, int]:
    """Numbers of the case and of the output in the store; both are made where they are not there.

    Parameters
    ----------
    store
        Of the sessions.
    prediction
        Of which a session is opened.

    Raises
    ------
    InputError
        If the store cannot be written.
    """
    about = prediction.information
    inputs, case = about.get("inputs", {}), about.get("case", {})
    scan = inputs.get(main_of(inputs), {})
    path, file = scan.get("path"), str(scan.get("name") or "scan")
    # Predictions of older versions do not tell their case: each is then a case of its own.
    sha256 = case["sha256"] if is_sha256(case.get("sha256")) else prediction.sha256
    name = case.get("name") or case_name(Path(path) if path else None, file)
    number = store.case(store.project(PROJECT), str(name), str(path or file), sha256)
    output = store.output(
        number,
        prediction.sha256,
        model=str(about.get("model", "")),
        model_sha256=str(about.get("model_sha256", "")),
        method=str(about.get("method", "")),
        threshold=prediction.threshold,
    )
    return number, output
