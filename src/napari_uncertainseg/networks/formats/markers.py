"""The file that tells which kind of model a folder holds, relative to it."""

from __future__ import annotations

OWN = "model.json"
AUTO3DSEG = "configs/hyper_parameters.yaml"
BUNDLES = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml", AUTO3DSEG)
"""Any of them tells that a folder is a MONAI bundle."""
NNUNET = "plans.json"
