"""An adjudication on disk, and in the journal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.disk.new_folder import check_new, new_folder
from napari_uncertainseg.evaluate.adjudication.combine import RULES, Adjudication
from napari_uncertainseg.evaluate.adjudication.reviews import ADJUDICATION
from napari_uncertainseg.evaluate.case_folder import write_json
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.session.opening import UNNAMED
from napari_uncertainseg.review.store.predictions import PROJECT, register_prediction
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.session_settings import KEPT
from napari_uncertainseg.review.store.store import Store

MASK, NUMBERS, TABLE = "adjudicated.nii.gz", "adjudicated.json", "adjudicated.tsv"


def write_adjudication(folder: Path, found: Adjudication, prediction: Prediction, by: str) -> None:
    """Write an adjudication into a new folder: the mask, and who said what; whole or not at all.

    Parameters
    ----------
    folder
        That is not there, or empty.
    found
        The adjudication; what is open is not in the mask, and the table says so.
    prediction
        Which the readers reviewed.
    by
        Who decided what the rule left open; empty where that is not known.

    Raises
    ------
    InputError
        If the folder holds something or cannot be written.
    """
    check_new(folder)
    with new_folder(folder) as whole:
        write_volume(whole / MASK, found.mask, prediction.grid, dtype=np.uint16)
        write_table(whole / TABLE, as_table(found, prediction))
        write_json(as_json(found, prediction, by), whole / NUMBERS)


def as_table(found: Adjudication, prediction: Prediction) -> pd.DataFrame:
    """One row for each place: where, what each reader said, and what became of it by whom."""
    rows = []
    for one in found.lesions:
        x, y, z = (prediction.grid.affine @ np.array([*one.voxel, 1.0]))[:3]
        rows.append(
            {
                "lesion": one.number,
                "volume_mm3": round(one.volume_mm3, 3),
                **dict(zip(("slice_s", "slice_a", "slice_r"), one.voxel, strict=True)),
                **{"x_mm": round(x, 2), "y_mm": round(y, 2), "z_mm": round(z, 2)},
                **{f"reader_{i}": says for i, says in enumerate(one.says, start=1)},
                "outcome": one.outcome,
                "decided_by": _decided_by(one.outcome, one.by_readers),
            }
        )
    columns = ["lesion", "volume_mm3", "slice_s", "slice_a", "slice_r", "x_mm", "y_mm", "z_mm"]
    columns += [f"reader_{i}" for i in range(1, len(found.readers) + 1)] + ["outcome", "decided_by"]
    return pd.DataFrame(rows, columns=columns)


def _decided_by(outcome: str, by_readers: bool) -> str:
    if by_readers:
        return "readers"
    return "nobody" if outcome == "open" else "person"


def as_json(found: Adjudication, prediction: Prediction, by: str) -> dict[str, Any]:
    """Who, when, by which rule, and what was decided how."""
    outcomes = [one.outcome for one in found.lesions]
    about = prediction.information
    return {
        "software": f"napari-uncertainseg {__version__} (research software, not a medical device)",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "decided_by": by or UNNAMED,
        "rule": found.rule,
        "rule_in_words": RULES[found.rule],
        "readers": [
            {"column": f"reader_{i}", "reader": reader, "session": session}
            for i, (reader, session) in enumerate(zip(found.readers, found.sessions, strict=True), start=1)
        ],
        "case": dict(about.get("case") or {}),
        "model": str(about.get("model") or ""),
        "output_sha256": prediction.sha256,
        "places": len(outcomes),
        "kept": outcomes.count("kept"),
        "dropped": outcomes.count("dropped"),
        "open": outcomes.count("open"),
        "decided_by_a_person": sum(one.outcome != "open" for one in found.undecided_by_rule),
        "volume_ml": round(float(np.count_nonzero(found.mask)) * prediction.grid.voxel_volume / 1000, 6),
    }


def journal_adjudication(store: Store, found: Adjudication, prediction: Prediction, by: str) -> str:
    """Write an adjudication into the journal, as a closed session with its mask; gives the session's id.

    Parameters
    ----------
    store
        Of the readers' sessions, which stay as they are.
    found, prediction, by
        As for `write_adjudication`.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    mask = found.mask
    box = bounding_box(mask > 0)
    case, output = register_prediction(store, prediction)
    s, a, r = (int(n // 2) for n in prediction.grid.shape)
    settings = {KEPT: ADJUDICATION, "rule": found.rule, "adjudicated": list(found.sessions)}
    session = store.open_session(
        store.project(PROJECT),
        store.annotator(by or UNNAMED),
        "review",
        [NewTask(case, output, "case", 0, (s, a, r))],
        settings,
    )
    said = as_table(found, prediction).to_dict("records")
    content = {
        **as_json(found, prediction, by),
        "lesions": json.loads(json.dumps(said, default=float)),
        "mask": store.masks.keep(mask[box]) if mask.any() else None,
        "start": [part.start for part in box] if mask.any() else None,
        "shape": list(mask.shape),
    }
    store.record(session, "adjudicated", content=content)
    store.record(session, "closed", content={"judged": 0, "tasks": 1})
    return session
