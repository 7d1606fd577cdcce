"""Every word of the Classes dock: labels, tooltips and messages."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg.uncertainty.class_table import CLASS_COLUMNS

NO_PREDICTION = "No prediction yet: press Run in Segment."
ONE_CLASS = "This model tells no classes apart beside its target: there is nothing to show here."
NOT_KEPT = "These results hold nothing of the single classes: segment the scan again."
MEASURING = "Measuring each class …"

# -- the table ------------------------------------------------------------------------------------

COLUMNS = {
    "volume_ml": "ml",
    "expected_volume_ml": "expected ml",
    "mean_probability": "mean p",
    "doubt": "doubt",
    "mean_entropy_nats": "entropy",
}
"""Heads of the columns, by their names in `class_table`."""
COLUMNS_BESIDE = ("volume_ml", "doubt")
"""Those that are shown beside the comparison with a label map."""
COMPARED = {
    "dice": ("Dice", "Overlap with the label map where the class is the most probable one: 1 is best."),
    "ace": (
        "ACE",
        "Average calibration error of the class, 0 to 1: mean over bins of |mean probability - fraction\n"
        "of the bin's voxels that are of the class in the label map|. 0 is best.",
    ),
    "ece": ("ECE", "Expected calibration error of the class: the same, weighted by voxels. 0 is best."),
}
"""Heads and meanings of the columns that need a label map."""
DEFINITIONS = {head: CLASS_COLUMNS[name] for name, head in COLUMNS.items()} | dict(COMPARED.values())

# -- what is chosen -------------------------------------------------------------------------------

SHOW, CURVE, LABEL_MAP = "Show", "Curve", "Label map"
SHOW_TIP = "A map over the scan: how probable a class is, or how unsure the model is among its classes."
NOTHING = "nothing"
ENTROPY, MUTUAL_INFORMATION = "entropy of the classes", "mutual information of the classes"
SHOW_DOUBT_TIPS = {
    ENTROPY: "All doubt among the classes, nats: 0 where one is certain, at most ln(number of classes).",
    MUTUAL_INFORMATION: "Doubt because the members differ, nats. 0 where there is one member.",
}
CURVE_TIP = "The class whose reliability is drawn."
LABEL_MAP_TIP = (
    "A label layer with the true class of each voxel: its numbers are those of the classes, from 0.\n"
    "It must have the scan's voxel grid."
)
RECALIBRATE = "Recalibrate each class (vector scaling)"
RECALIBRATE_TIP = (
    "A slope and a shift for each class, fitted on this label map. Only the diagram and its numbers change.\n"
    "A fit on this case shows the best possible result: expect less on other cases."
)
EXPORT = "Export table…"
EXPORT_TIP = "Write the table as TSV."
EXPORT_TITLE = "Export"
TABLE_KINDS = "Table (*.tsv)"
CHOOSE_LABEL_MAP = "Choose a label map to see whether the probabilities of each class are right."


def probability_of(name: str) -> str:
    """The map of a class; also the name of its layer."""
    return f"probability of {name}"


def heading(model: str, names: Sequence[str], target: Sequence[str]) -> str:
    """Which model it is, and which of its classes are segmented."""
    return f"{model}: {len(names)} classes. Segmented: {' + '.join(target)}."


def overlapping(model: str) -> str:
    """What classes that overlap have not."""
    return (
        f"The classes of {model} overlap: each has a probability of its own. So there is no entropy among "
        "them, and a label map cannot be compared."
    )


def classwise(ace: float, ece: float, before: float | None = None) -> str:
    """Calibration of all classes together, as HTML; the ACE before a recalibration where there was one."""
    first = "" if before is None else f"{before:.4f} → "
    return f"Classwise <b>ACE</b> {first}{ace:.4f}, <b>ECE</b> {ece:.4f} (means over the classes)"


# -- names of what has no word beside it, for programs that read the screen aloud --------------

TABLE_NAME = "Classes"
