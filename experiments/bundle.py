"""Make the bundled model of trained ones: the first for one pass, all of them for the method `ensemble`.

usage: python experiments/bundle.py VERSION RUN [RUN ...]

RUN is the `output` of a training, such as runs/all-sources. Threshold, recalibration, what was seen and the
rest of `model.json` are those of the first, and so is the probability that a lesion is real, if its folder
has one (experiments/recalibrate.py, unlike.py and real_lesions.py write them there).
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from napari_uncertainseg.networks.formats.markers import OWN
from napari_uncertainseg.networks.formats.multihead import read_multihead
from napari_uncertainseg.networks.real_probability import REAL_PROBABILITY

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "src" / "napari_uncertainseg" / "models" / "bundled"
SAME = ("architecture", "modalities", "intensities", "spacing", "styles")
"""What members must have in common."""


def main() -> None:
    """Check that the members fit each other, and copy them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("version")
    parser.add_argument("runs", type=Path, nargs="+")
    arguments = parser.parse_args()
    members = [read_multihead(run / "model") for run in arguments.runs]
    for member in members[1:]:
        for key in SAME:
            if member.configuration.get(key) != members[0].configuration.get(key):
                raise SystemExit(f"{member.folder} and {members[0].folder} differ in '{key}'")
    for old in (*BUNDLED.glob("*.safetensors"), BUNDLED / REAL_PROBABILITY):
        old.unlink(missing_ok=True)
    own = members[0].folder / REAL_PROBABILITY
    if own.exists():
        shutil.copyfile(own, BUNDLED / REAL_PROBABILITY)
    names = ["weights.safetensors", *(f"member{i}.safetensors" for i in range(1, len(members)))]
    for member, name in zip(members, names, strict=True):
        shutil.copyfile(member.weights[0], BUNDLED / name)
    before = json.loads((BUNDLED / OWN).read_text(encoding="utf-8"))
    described = {key: before[key] for key in ("name", "description")}
    content = {**members[0].configuration, **described, "version": arguments.version, "weights": names}
    (BUNDLED / OWN).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    model = read_multihead(BUNDLED)
    model.check_runs()
    print(f"{BUNDLED}: version {arguments.version}, {len(model.weights)} networks, sha256 {model.sha256}")


if __name__ == "__main__":
    main()
