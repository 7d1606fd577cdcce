"""Agreement between acquisitions: constants of the literature, planted components, intervals that hold."""

from __future__ import annotations

import os

import numpy as np
import pytest

from napari_uncertainseg.audit.stability.reliability import (
    MeanSquares,
    reliability,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
SOAK = bool(os.environ.get("UNCERTAINSEG_SOAK"))


def test_the_table_of_shrout_and_fleiss():
    found = reliability(SHROUT_FLEISS)
    assert found.icc3.value == pytest.approx(0.7148, abs=5e-5)
    assert found.icc2.value == pytest.approx(0.2898, abs=5e-5)
    squares = MeanSquares.of(SHROUT_FLEISS)
    # As their table 2 has it.
    assert (squares.between, squares.columns, squares.error) == pytest.approx((11.24, 32.49, 1.02), abs=5e-3)
    # The intervals that R's psych::ICC documents for this table.
    assert (found.icc2.low, found.icc2.high) == pytest.approx((0.019, 0.76), abs=2e-3)
    assert (found.icc3.low, found.icc3.high) == pytest.approx((0.34, 0.95), abs=5e-3)
