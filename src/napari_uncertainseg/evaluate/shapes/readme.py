"""What lies beside the shapes, for who finds the folder without this program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = """\
Shapes of {lesions} lesions, written by {program}.
{note}

Frame:   {frame}.
         The .glb files hold the same numbers below a node that turns and scales them as glTF
         wants it (metres, Y up), so that viewers show the patient upright and in true size.
Source:  {source}
Licence: {licence}

stl/        closed meshes, binary STL
ply/        the same with colours, the number of the lesion and its doubt at each point (NaN: not known)
glb/        the same as binary glTF: blue where sure, orange where doubtful (0.5 and more), grey: not known
points/     {points_per_cloud} points with normals, spread evenly over each surface (farthest-point sampling,
            seed {seed})
occupancy/  masks, NIfTI: of each lesion its box and a voxel around it; NAME_lesions.nii.gz has the numbers
            of all on the grid of the scan
shapes.tsv  a row for each lesion; columns:
            doubt            0 sure to 1, as the program says it; n/a for what a human drew
{place}            voxels_mm3       volume of the voxels: the one to report
            mesh_mm3         what the mesh encloses; it runs halfway between the voxels inside and outside,
                             so that it holds less, much less of lesions of few voxels
            surface_mm2, sphericity (1 a ball), elongation and flatness (0 round, 1 a line or a sheet)
            x_min_mm ...     box around the mesh
            x_mm, y_mm, z_mm middle of the voxels
            parts, euler     closed surfaces, and points - edges + triangles: 2 for each without a tunnel
            watertight       whether every edge has one triangle on either side
shapes.json frame, source, licence, and what made the lesions
"""
_PLACE = "            place            where in the brain, found by an atlas\n"


def readme(about: Mapping[str, Any], places: bool) -> str:
    """The text.

    Parameters
    ----------
    about
        What is written to ``shapes.json``.
    places
        Whether the table has them.
    """
    return _TEXT.format(**about, place=_PLACE if places else "")
