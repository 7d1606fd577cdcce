"""``uncertainseg export-shapes``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    import pandas as pd

    from napari_uncertainseg.evaluate.shapes.collection import Origin


def export_shapes(options: Namespace) -> None:
    """Write the lesions of a folder as shapes, and say how many files that are."""
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    if options.places and options.places_from is not None:
        raise InputError("Say --places or --places-from TABLE.tsv, not both.")
    if options.places_from is not None:
        _check_places(options.places_from)
    from napari_uncertainseg.disk.result_folder import note_on
    from napari_uncertainseg.evaluate.shapes.collection import read_collection
    from napari_uncertainseg.evaluate.shapes.files import write_shapes

    origin = _origin(options)
    places, note = _places(options)
    collection = read_collection(options.results, origin, places)
    with ProgressLine() as progress:
        written = write_shapes(options.out, collection, seed=options.seed, progress=progress)
    print(f"{options.out}: {len(written.table)} lesions, {written.files} files, {written.megabytes:.1f} MB")
    if collection.count == 0:
        print("note: there are no lesions, so there are no meshes.")
    else:
        print(f"{int((written.table['watertight'] == 'yes').sum())} meshes are closed (watertight)")
    for one in (note, note_on(options.results), *_unsaid(origin)):
        if one:
            print(f"note: {one}")


def _origin(options: Namespace) -> Origin:
    from napari_uncertainseg.evaluate.shapes.collection import NOT_STATED, Origin, as_name, check_age_band

    return Origin(
        as_name(options.name or options.results.resolve().name),
        (options.source or "").strip() or NOT_STATED,
        (options.licence or "").strip() or NOT_STATED,
        "" if options.age_band is None else check_age_band(options.age_band.strip()),
        options.sex or "",
    )


def _check_places(table: Path) -> None:
    """See that a table says where lesions lie."""
    from napari_uncertainseg.disk.columns import read_table
    from napari_uncertainseg.evaluate.shapes.columns import PLACES

    read_table(table, PLACES)


def _places(options: Namespace) -> tuple[pd.DataFrame | None, str]:
    """Where the lesions lie, if that was asked for, and why that is not known."""
    from napari_uncertainseg.disk.columns import read_frame
    from napari_uncertainseg.evaluate.shapes.collection import places_in
    from napari_uncertainseg.evaluate.shapes.columns import PLACES
    from napari_uncertainseg.explain.place.of_results import places_of_results

    if options.places_from is not None:
        return places_in(read_frame(options.places_from, PLACES), options.results, options.places_from), ""
    if not options.places:
        return None, ""
    with ProgressLine() as progress:
        return places_of_results(options.results, progress)


def _unsaid(origin: Origin) -> list[str]:
    from napari_uncertainseg.evaluate.shapes.collection import NOT_STATED

    said = {"--source": origin.source, "--licence": origin.licence}
    missing = [name for name, text in said.items() if text == NOT_STATED]
    return [f"Say {' and '.join(missing)} before others get these files."] if missing else []
