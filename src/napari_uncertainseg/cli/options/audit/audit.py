"""The words of ``uncertainseg audit``: each of its parts has a module beside this one."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.audit.attributes import add_attributes
from napari_uncertainseg.cli.options.audit.challenge import add_challenge
from napari_uncertainseg.cli.options.audit.groups import add_groups
from napari_uncertainseg.cli.options.audit.patients import add_patients
from napari_uncertainseg.cli.options.audit.stability import add_stability
from napari_uncertainseg.cli.options.declare import command


def add_audit(commands: argparse._SubParsersAction) -> None:
    """Add ``audit`` and its parts."""
    parser = command(commands, "audit", "audit", "check on a cohort whether a model may be trusted")
    parts = parser.add_subparsers(dest="part", required=True)
    for add in (add_groups, add_attributes, add_stability, add_patients, add_challenge):
        add(parts)
    parts.metavar = "|".join(parts.choices)
