"""A report of sessions as a file: the numbers, and pictures of the locations that they are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_uncertainseg import __version__
from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.disk.outputs import PAGE, check_output
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.evaluate.place_pictures import Pictures, draw_places
from napari_uncertainseg.review.reports.html import Markup
from napari_uncertainseg.review.reports.report_data import Summary
from napari_uncertainseg.review.reports.report_page import report_page
from napari_uncertainseg.review.reports.summary import summarise
from napari_uncertainseg.review.store.store import Store

_NUMBERS = 0.2
"""Share of the work that reading the sessions is, where pictures are drawn."""


def write_report(
    store: Store,
    path: Path | str,
    *,
    session_id: str | None = None,
    named: bool = True,
    pictures: bool = True,
    further: Callable[[Summary], Sequence[Markup]] = lambda found: (),
    progress: Progress = silent,
) -> Summary:
    """Write a report of sessions as one HTML file that needs no other, whole or not at all.

    Parameters
    ----------
    store
        Of the sessions; stays open, and nothing is written into it.
    path
        Where to, ending in ``.html``. A file there is replaced.
    session_id
        One, with the other readings of the same; all if None.
    named
        False calls people and cases by number, and leaves out comments, files and paths.
    pictures
        Whether slices of the scans are drawn into it, where they can be read.
    further
        Makes parts of the page of what the sessions say, from above this floor.
    progress
        Told what is done; may raise `Cancelled`.

    Returns
    -------
    Summary
        What the report says.

    Raises
    ------
    InputError
        If there is no such session, or the ending is another one, or the store cannot be read, or the file
        not be written.
    """
    path = Path(path)
    check_output(path, PAGE)
    share = _NUMBERS if pictures else 1.0
    found = summarise(store, session_id, named=named, progress=lambda s, done: progress(s, share * done))
    drawn = Pictures()
    if pictures:
        differing = (one for part in found.reread for one in part.differing)
        doubtful = (one for places in found.most_uncertain.values() for one in places)

        def rest(stage: str, fraction: float) -> None:
            progress(stage, _NUMBERS + (1 - _NUMBERS) * fraction)

        places = [one for one in (*differing, *doubtful) if one.task.target != "case"]
        drawn = draw_places(store, places, named=named, progress=rest)
    program = f"napari-uncertainseg {__version__}"
    text = report_page(found, drawn.drawn, drawn.notes, program=program, further=further(found))
    with replaced_file(path) as file:
        file.write(text.encode("utf-8", "replace"))
    progress("done", 1)
    return found
