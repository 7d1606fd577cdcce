"""Model folders with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from napari_uncertainseg.networks.multihead import MultiHeadUNet

FEATURES = [4, 8, 12]
HEADS = 3


def write_model(folder: Path, *, networks: int = 1, thin: bool = False, **changes: object) -> Path:
    """Write a model folder with random weights; the heads' biases are 0, so that both classes appear."""
    folder.mkdir(parents=True)
    names = []
    for seed in range(networks):
        torch.manual_seed(seed)
        network = MultiHeadUNet(3, FEATURES, HEADS, thin=thin)
        for head in (network.heads, *network.layer_heads):
            torch.nn.init.zeros_(head.bias)
        with torch.no_grad():  # the norms see a scan, as in training
            for _ in range(200):
                network(torch.randn(1, 3, 16, 16, 16))
        names.append(f"network{seed}.safetensors")
        save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, folder / names[-1])
    content = {
        "name": folder.name,
        "version": "1",
        "description": "Random weights.",
        "architecture": {"kind": "multihead-unet", "features": FEATURES, "heads": HEADS, "thin": thin},
        "modalities": ["flair", "t1", "t2"],
        "intensities": "tissue",
        "spacing": 1.0,
        "threshold": 0.4,
        "weights": names,
    } | changes
    (folder / "model.json").write_text(json.dumps(content))
    (folder / "MODEL_CARD.md").write_text("# Random\n")
    return folder
