"""``uncertainseg drivers``."""

from __future__ import annotations

from argparse import Namespace

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine


def drivers(options: Namespace) -> None:
    """Measure the lesions of a cohort, say what their doubt goes with, and write that down."""
    from napari_uncertainseg.disk.new_folder import check_new
    from napari_uncertainseg.evaluate.patients.visits import find_visits

    if options.out is not None:
        check_new(options.out)
    find_visits(options.results)
    from napari_uncertainseg.explain.drivers.cohort import measure_cohort
    from napari_uncertainseg.explain.drivers.of_results import DOUBTS
    from napari_uncertainseg.explain.drivers.sentences import describe
    from napari_uncertainseg.explain.drivers.statistics.doubt_drivers import explain_doubt
    from napari_uncertainseg.explain.drivers.written import write_drivers

    measures = tuple(dict.fromkeys(options.measure)) or DOUBTS
    with ProgressLine() as progress:
        cohort = measure_cohort(options.results, measures, progress)
    rows, found, unsaid = cohort.rows, [], []
    for measure in measures:
        try:
            found.append(
                explain_doubt(
                    rows,
                    rows[measure],
                    rows["patient"],
                    sources=sorted(set(rows["source"]) - {""}),
                    seed=options.seed,
                )
            )
        except InputError as error:
            unsaid.append(f"{measure}: {error}")
    if not found:
        raise InputError(unsaid[0].partition(": ")[2])
    print(f"{len(rows)} lesions of {len(set(rows['patient']))} patients in {len(cohort.visits)} folders")
    for one in found:
        print(describe(one))
    notes = [*unsaid, *cohort.notes, *dict.fromkeys(note for one in found for note in one.notes)]
    print("".join(f"note: {note}\n" for note in notes), end="")
    if options.out is not None:
        write_drivers(options.out, rows, found, model_sha256=cohort.model_sha256)
        print(f"{options.out}: written")
