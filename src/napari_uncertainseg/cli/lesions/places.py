"""``uncertainseg places``."""

from __future__ import annotations

from argparse import Namespace

from napari_uncertainseg.cli.progress import ProgressLine


def places(options: Namespace) -> None:
    """Say how many lesions lie where in each folder, and write a table."""
    import pandas as pd

    from napari_uncertainseg.explain.place.lesions import count_places
    from napari_uncertainseg.explain.place.of_results import places_of_results
    from napari_uncertainseg.export import write_table

    tables = []
    for folder in options.results:
        with ProgressLine() as progress:
            table, problem = places_of_results(folder, progress)
        counts = [f"{number} {place} ({volume:.1f} ml)" for place, number, volume in count_places(table)]
        print(f"{folder}: {', '.join(counts) or 'no lesions'}")
        if problem:
            print(f"note: {problem}")
        table.insert(0, "folder", str(folder))
        tables.append(table)
    if options.out is not None:
        write_table(options.out, pd.concat(tables, ignore_index=True))
        print(f"{options.out}: {sum(map(len, tables))} lesions")
