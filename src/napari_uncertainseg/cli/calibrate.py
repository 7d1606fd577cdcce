"""``uncertainseg calibrate``."""

from __future__ import annotations

import math
from argparse import Namespace
from typing import TYPE_CHECKING

from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.conformal import Guarantee
    from napari_uncertainseg.calibration.record import CalibrationRecord


def calibrate(options: Namespace) -> None:
    """Make a record, save it, and print what it can guarantee."""
    from napari_uncertainseg.evaluate.listed_cases import check_cases, notes_of

    check_cases(options.cases)
    from napari_uncertainseg.evaluate import calibration_record as calibrating

    with ProgressLine() as progress:
        record = calibrating.build_record(options.cases, kind=options.kind, progress=progress)
    path = calibrating.save_record(record, options.out)
    print(describe(record, options.limit, options.confidence))
    print(path)
    for note in notes_of(options.cases):
        print(f"note: {note}")


def describe(record: CalibrationRecord, limit: float, confidence: float) -> str:
    """What a record can guarantee, a line each."""
    from napari_uncertainseg.calibration.record import LOSSES

    number = len(record.cases)
    lines = [f"{record.model}, {record.method}, {number} case{'s' if number > 1 else ''}"]
    for name, loss in LOSSES.items():
        lines.append(f"at most {limit:.0%} {loss.title},")
        lines.append(f"  on average: {_in_words(record.guarantee(name, limit))}")
        sure = record.guarantee(name, limit, confidence=confidence)
        lines.append(f"  with {confidence:.0%} confidence: {_in_words(sure)}")
    fitted = record.recalibration
    if fitted is not None:
        lines.append(
            f"recalibration ({fitted.kind}): NLL {fitted.nll_before:.5f} to {fitted.nll_after:.5f} nats "
            "a voxel, on these very cases"
        )
    for name, real in (("lesions", record.lesions), ("candidates", record.candidates)):
        if real is not None:
            judged = (
                "too few cases to judge it"
                if math.isnan(real.brier)
                else f"Brier score on cases left out {real.brier:.3f}, of their share alone "
                f"{real.brier_of_share:.3f}"
            )
            lines.append(
                f"probability that {name} are real: from {real.components}, {real.true} of them in the "
                f"reference; {judged}"
            )
    lines.append(_loads_in_words(record))
    for name in record.suspicious_cases:
        lines.append(
            f"WARNING: of the reference of {name} hardly a voxel is found at any threshold: is it that "
            "scan's mask? It counts in all of the above."
        )
    lines.append("Guarantees hold for cases of the same kind only: scanner, patients, readers, this model.")
    return "\n".join(lines)


def _loads_in_words(record: CalibrationRecord) -> str:
    """Whether further patients get intervals for volume and number."""
    from napari_uncertainseg._base import pluralised
    from napari_uncertainseg.calibration.patients.intervals import LEVEL, patients_needed

    if record.loads is None:
        return "intervals for volume and number: none, results of older versions keep no members"
    found, needed = record.loads.count, patients_needed(LEVEL)
    patients = f"{pluralised(found, 'patient')} (visits of one share the column patient)"
    if found < needed:
        return f"intervals for volume and number: none, they need {needed} patients and these are {patients}"
    return f"intervals for volume and number of a further patient, {LEVEL:.0%}: from {patients}"


def _in_words(guarantee: Guarantee) -> str:
    if guarantee.threshold is None:
        return guarantee.reason
    return f"threshold {guarantee.threshold:.2f} (here it was {guarantee.loss:.1%})"
