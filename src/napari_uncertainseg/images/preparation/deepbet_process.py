"""Run deepbet on one array, as a process of its own: ``python deepbet_process.py SCAN.npy MASK.npy``.

Its networks are compiled and cannot be stopped from within; a process can, at once,
and gives back all memory when it ends. It imports nothing of this package.
"""

import sys

import numpy as np


def main(source: str, target: str) -> None:
    """Read a float32 array in (r, a, s) order and write its brain mask, uint8."""
    from deepbet import BrainExtraction

    extraction = BrainExtraction()
    probability = extraction.run_model(np.load(source, allow_pickle=False))
    mask = extraction.postprocess((probability > 0.5).astype(np.float32))
    np.save(target, mask.astype(np.uint8), allow_pickle=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
