"""From the prediction to the table and the curves of its classes: measured in the background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.evaluate.class_agreement import ClassesAgreement, compare_classes, fit_classes
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.uncertainty.class_table import class_table
from napari_uncertainseg.widgets.classes import texts
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.number_table import Table, format_number


@dataclass(frozen=True, eq=False)
class ClassRequest:
    """What is to be measured, read from the window once.

    Attributes
    ----------
    classes
        Of the prediction.
    voxel_volume
        mm3.
    labels
        A label map on the prediction's grid; None for none.
    recalibrated
        Whether to fit vector scaling on it.
    """

    classes: Classes
    voxel_volume: float
    labels: np.ndarray | None = None
    recalibrated: bool = False

    def measure(self, progress: Progress) -> MeasuredClasses:
        """Measure, in the background.

        Raises
        ------
        InputError
            If the label map cannot be compared.
        """
        table = class_table(self.classes, self.voxel_volume)
        if self.labels is None:
            return MeasuredClasses(self, table)
        found = compare_classes(self.classes, self.labels)
        if not self.recalibrated:
            return MeasuredClasses(self, table, found)
        try:
            by = fit_classes(self.classes, self.labels)
        except InputError as error:
            return MeasuredClasses(self, table, found, note=str(error))
        return MeasuredClasses(self, table, compare_classes(self.classes, self.labels, by), found)


@dataclass(frozen=True, eq=False)
class MeasuredClasses:
    """What came of a request.

    Attributes
    ----------
    request
        What was asked for.
    table
        As `class_table` makes it.
    agreement, before
        With the label map; and before a recalibration.
    note
        Why there is no recalibration where one was asked for.
    """

    request: ClassRequest
    table: pd.DataFrame
    agreement: ClassesAgreement | None = None
    before: ClassesAgreement | None = None
    note: str = ""

    def shown(self) -> Table:
        """The table for the screen: a row for each class."""
        # Where there is more to show, what is left out fits into a narrow dock; a file has all.
        names = list(texts.COLUMNS) if self.agreement is None else list(texts.COLUMNS_BESIDE)
        heads = [texts.COLUMNS[name] for name in names]
        numbers = self.table[names].astype(float).to_numpy()
        rows = [[format_number(value) for value in row] for row in numbers.tolist()]
        if self.agreement is not None:
            heads += [head for head, _ in texts.COMPARED.values()]
            for row, one in zip(rows, self.agreement.classes, strict=True):
                values = (one.dice, one.reliability.ace, one.reliability.ece)
                row += [format_number(value, 3) for value in values]
        return Table(
            tuple(self.table["class"]),
            tuple(heads),
            tuple(map(tuple, rows)),
            {head: plain_tooltip(meaning) for head, meaning in texts.DEFINITIONS.items()},
        )

    def exported(self) -> pd.DataFrame:
        """The table for a file."""
        if self.agreement is None:
            return self.table
        each = self.agreement.classes
        return self.table.assign(
            dice=[one.dice for one in each],
            ace=[one.reliability.ace for one in each],
            ece=[one.reliability.ece for one in each],
        )
