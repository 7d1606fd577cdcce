"""Where a reader's volume and number of lesions lie for one scan, or why that cannot be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.patients.intervals import QUANTITIES, Interval, PatientLoads, spread_of
from napari_uncertainseg.calibration.record import MEASURES, CalibrationRecord, measures_of
from napari_uncertainseg.evaluate.calibration_record import find_record
from napari_uncertainseg.nouns import Noun
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.patient import LesionLoad, measure_load


@dataclass(frozen=True, eq=False)
class LoadIntervals:
    """What can be said of the load of one scan.

    Attributes
    ----------
    said
        By the model and its members.
    intervals
        For a reader's volume and number, by the names of `QUANTITIES`; none where `why_not` says why.
    why_not
        A sentence; empty where there are intervals.
    noun
        What is segmented, in words.
    min_volume
        Smaller components were not counted, mm3; None where nobody said.
    threshold
        That the model and its members were measured at; None where nobody said.
    """

    said: LesionLoad
    intervals: Mapping[str, Interval]
    why_not: str = ""
    noun: Noun = Noun()  # noqa: RUF009 - frozen
    min_volume: float | None = None
    threshold: float | None = None

    @property
    def numbers(self) -> tuple[str, str]:
        """Volume with its unit and number, each from low to high: a reader's, else the members'."""
        if self.intervals:
            volume, count = (self.intervals[name] for name in QUANTITIES)
            lows, highs = (volume.low, count.low), (volume.high, count.high)
        else:
            (low, high), (fewest, most) = self.said.volume_range_ml, self.said.count_range
            lows, highs = (low, fewest), (high, most)
        assert lows[0] is not None and lows[1] is not None and highs[0] is not None and highs[1] is not None
        return f"{lows[0]:.1f} to {highs[0]:.1f} ml", f"{lows[1]:.0f} to {highs[1]:.0f}"

    @property
    def sentence(self) -> str:
        """What holds, or what the members say and why nothing more can be said."""
        volume, count = self.numbers
        things = self.noun.many
        if not self.intervals:
            outlined = f"{volume}, {count} {things} {self.counted}".rstrip()
            return f"{self._members} {outlined}. No interval: {self.why_not}"
        first = next(iter(self.intervals.values()))
        return (
            f"In {_share(first.level)} patients like the {first.patients} calibration patients, a reader "
            f"outlines {volume}; and in as many, {count} {things}."
        )

    @property
    def _members(self) -> str:
        """Who outlines, and where: the list beside it, or in the same folder, may be of another threshold."""
        if self.threshold is None:
            return "The members outline"
        return f"At the model's own threshold, {threshold_text(self.threshold)}, the members outline"

    @property
    def counted(self) -> str:
        """From which volume on lesions count, behind their name; empty where nobody said."""
        if self.min_volume is None:
            return ""
        return f"of {self.min_volume:g} mm³ or more" if self.min_volume > 0 else "of any volume"

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable: what is said, by each member, and the intervals with what they promise."""
        found: dict[str, Any] = {
            "volume_ml": self.said.volume_ml,
            "lesions": self.said.count,
            "min_volume_mm3": self.min_volume,
            "members": {
                "volume_ml": [round(float(v), 6) for v in self.said.member_volumes_ml],
                "lesions": [int(n) for n in self.said.member_counts],
            },
            "interval": None,
            "says": self.sentence,
        }
        if self.intervals:
            first = next(iter(self.intervals.values()))
            ends = {name: [one.low, one.high] for name, one in self.intervals.items()}
            found["interval"] = {"level": first.level, "patients": first.patients, **ends}
        return found


def threshold_text(threshold: float) -> str:
    """Two digits, or three where the third is not 0, as the window shows them."""
    return f"{threshold:.3f}".removesuffix("0")


def _share(level: float) -> str:
    return "9 of 10" if level == 0.9 else f"{100 * level:g} of 100"


def load_intervals(
    prediction: Prediction, record: CalibrationRecord | None, problem: str = "", min_volume: float = 3.0
) -> LoadIntervals:
    """What can be said of the load of a prediction at the model's own threshold.

    Parameters
    ----------
    prediction
        As the model made it.
    record
        Of the calibration cases; None where there is none.
    problem
        Why there is none, where that is known.
    min_volume
        Of what counts as a lesion where there is no record, mm3.
    """
    least = min_volume if record is None else record.min_volume
    volume = prediction.grid.voxel_volume
    said = measure_load(prediction.probability, prediction.members, prediction.threshold, least, volume)
    why = problem or NO_RECORD
    if record is not None:
        measures = measures_of(prediction.probability, prediction.entropy, prediction.brain, volume)
        why = why_invalid(record, prediction.information, measures)
    if why or record is None or record.loads is None:
        return LoadIntervals(said, {}, why, prediction.noun, least, prediction.threshold)
    found = from_record(said, record.loads, prediction.noun)
    return replace(found, min_volume=least, threshold=prediction.threshold)


def from_record(said: LesionLoad, known: PatientLoads, noun: Noun | None = None) -> LoadIntervals:
    """Intervals of a load by what is known of other patients."""
    noun = Noun() if noun is None else noun
    values = {
        "volume_ml": (said.volume_ml, said.member_volumes_ml),
        "lesions": (float(said.count), said.member_counts),
    }
    found = {
        name: known.interval(name, own, spread_of(members, name)) for name, (own, members) in values.items()
    }
    reason = next((one.reason for one in found.values() if one.reason), "")
    return LoadIntervals(said, {} if reason else found, reason, noun)


NO_RECORD = (
    "there are no calibration cases of this model and method (uncertainseg calibrate cases.tsv; 9 patients "
    "or more with a reference)."
)
_OLD = "the calibration record has no volumes and numbers: calibrate again."
_OWN = "this is one of the calibration cases, and an interval is for further patients."


def why_invalid(
    record: CalibrationRecord, information: Mapping[str, Any], measures: Mapping[str, float]
) -> str:
    """Why intervals of a record do not hold for a scan, a sentence; empty where nothing speaks against them.

    Parameters
    ----------
    record
        Of the same model, method and kinds of scans.
    information
        Of the prediction.
    measures
        Its `measures_of`.
    """
    if record.loads is None:
        return _OLD
    if record.holds(information, measures):
        return _OWN
    if different := record.unlike(measures):
        named = ", ".join(MEASURES[one.measure].split(",")[0] for one in different)
        return f"this scan differs from the calibration cases in {named}."
    return ""


def find_intervals(prediction: Prediction, min_volume: float = 3.0) -> LoadIntervals:
    """`load_intervals` by the record that is at hand for the prediction's model, if there is one."""
    try:
        record, problem = find_record(prediction.information), ""
    except InputError as error:
        record, problem = None, str(error)
    return load_intervals(prediction, record, problem, min_volume)
