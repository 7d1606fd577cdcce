"""Reference answers of the structural-uncertainty authors' code."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def reference_case(shared_data):
    """Load case 0, 1 or 2 beside the shared data; skip where it is missing."""

    def load(case: int) -> dict[str, np.ndarray]:
        path = shared_data.parent / "reference" / f"structural_uncertainty_{case}.npz"
        if not path.exists():
            pytest.skip(f"the reference case {path} is not there")
        with np.load(path) as archive:
            return dict(archive)

    return load
