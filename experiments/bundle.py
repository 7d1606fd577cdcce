"""Make the bundled model of trained ones: the first for one pass, all of them for the method `ensemble`.

usage: python experiments/bundle.py VERSION RUN [RUN ...] [--evidence FILE]

RUN is the `output` of a training, such as runs/bundled or runs/bundled-seed1. Threshold, smoothing and the
rest of `model.json` stay as they are. FILE is what `experiments/evidence.py` wrote for these weights; that of
older weights is removed.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from napari_uncertainseg.networks.formats.multihead import CONFIGURATION, read_multihead
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
    parser.add_argument("--evidence", type=Path)
    arguments = parser.parse_args()
    members = [read_multihead(run / "model") for run in arguments.runs]
    for member in members[1:]:
        for key in SAME:
            if member.configuration.get(key) != members[0].configuration.get(key):
                raise SystemExit(f"{member.folder} and {members[0].folder} differ in '{key}'")
    for old in BUNDLED.glob("*.safetensors"):
        old.unlink()
    (BUNDLED / REAL_PROBABILITY).unlink(missing_ok=True)
    if arguments.evidence is not None:
        shutil.copyfile(arguments.evidence, BUNDLED / REAL_PROBABILITY)
    names = ["weights.safetensors", *(f"member{i}.safetensors" for i in range(1, len(members)))]
    for member, name in zip(members, names, strict=True):
        shutil.copyfile(member.weights[0], BUNDLED / name)
    content = json.loads((BUNDLED / CONFIGURATION).read_text(encoding="utf-8"))
    content = {key: value for key, value in content.items() if key not in SAME}
    content |= {key: members[0].configuration[key] for key in SAME if key in members[0].configuration}
    content |= {"version": arguments.version, "weights": names}
    (BUNDLED / CONFIGURATION).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    model = read_multihead(BUNDLED)
    model.check_runs()
    print(f"{BUNDLED}: version {arguments.version}, {len(model.weights)} networks, sha256 {model.sha256}")


if __name__ == "__main__":
    main()
