#!/usr/bin/env bash
# Use an installed package as a user would, without a window: a small volume goes all the way through.
#
# usage: scripts/smoke.sh BIN       BIN holds the `uncertainseg` and the `python` to use
set -euo pipefail

bin=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$bin/uncertainseg" --version
"$bin/uncertainseg" models
"$bin/uncertainseg" models show bundled >/dev/null

# A ball of tissue with two bright spots, 2 mm voxels, no skull.
"$bin/python" - <<'PYTHON'
import numpy as np
from napari_uncertainseg import Grid, write_volume

s, a, r = np.indices((64, 80, 64))
tissue = ((s - 32) / 28) ** 2 + ((a - 40) / 36) ** 2 + ((r - 32) / 28) ** 2 < 1
lesions = np.zeros(tissue.shape, np.uint8)
lesions[30:34, 38:43, 24:28] = lesions[36:38, 50:53, 38:41] = 1
flair = np.random.default_rng(0).normal(100, 5, tissue.shape) + 80 * lesions
affine = np.array([[0, 0, 2, -64], [0, 2, 0, -80], [2, 0, 0, -64], [0, 0, 0, 1.0]])
grid = Grid(tissue.shape, affine)
write_volume("flair.nii.gz", np.where(tissue, flair, 0).astype(np.float32), grid)
write_volume("truth.nii.gz", lesions, grid)
PYTHON

"$bin/uncertainseg" segment flair.nii.gz --out results
for name in probability entropy mutual_information disagreement brain lesions; do
    test -s "results/$name.nii.gz"
done
test -s results/lesions.tsv
test -s results/summary.json
"$bin/uncertainseg" evaluate results --reference truth.nii.gz --out evaluation.json
test -s evaluation.json

if "$bin/uncertainseg" segment truth.nii.gz --out nothing 2>error.txt; then
    echo "a label image was taken for a scan" >&2
    exit 1
fi
test "$(wc -l <error.txt)" -eq 1
test ! -e nothing
echo "The installed package works."
