"""``uncertainseg radiomics`` and ``uncertainseg refine``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.explain.refinement.counts import Interval
    from napari_uncertainseg.explain.refinement.model import Measuring
    from napari_uncertainseg.explain.refinement.of_results import JudgedLesions, LeftOutResult


def radiomics(options: Namespace) -> None:
    """Measure, and write a table."""
    maps = _maps(options)
    _check_maps(maps, options.folder)
    from napari_uncertainseg.explain.radiomics.grey_levels import GreyLevels
    from napari_uncertainseg.explain.radiomics.of_results import radiomics_of_results
    from napari_uncertainseg.export import write_table

    images = tuple(options.images) or (() if maps else ("flair",))
    table = radiomics_of_results(
        options.folder,
        images,
        maps,
        levels=GreyLevels(options.bin_width, options.bin_count),
        margin=options.margin,
    )
    write_table(options.out, table)
    print(f"{options.out}: {len(table)} lesions, 93 features of {' and '.join([*images, *maps])}")


def refine(options: Namespace) -> None:
    """Learn a refinement, or apply one."""
    {"fit": _fit, "apply": _apply}[options.action](options)


def _fit(options: Namespace) -> None:
    from napari_uncertainseg.evaluate.listed_cases import check_cases

    if options.out is None and not options.with_model:
        raise InputError("Say where the refinement is to go: --out FILE.json, or --with-model.")
    measuring = _measuring(options)
    check_cases(options.cases)
    from napari_uncertainseg.explain.refinement.kept import keep_with_model, one_maker
    from napari_uncertainseg.explain.refinement.model import save_refinement
    from napari_uncertainseg.explain.refinement.of_results import read_judged_lesions, refine
    from napari_uncertainseg.export import write_table

    maker = one_maker(options.cases) if options.with_model else None
    with ProgressLine() as progress:
        judged = read_judged_lesions(options.cases, measuring, progress)
    found = refine(judged, measuring)
    files = []
    if options.out is not None:
        save_refinement(found, options.out)
        files.append(options.out)
    if maker is not None:
        files.append(keep_with_model(found, judged, maker))
    if options.tsv is not None:
        write_table(options.tsv, judged.rows)
    where, patients = " and ".join(map(str, files)), len(judged.missed)
    print(
        f"{where}: learned from {found.lesions} lesions of {patients} patients, {found.real} of them real; "
        f"goes by {len(found.weights)} of {len(judged.features)} features"
    )
    for text in _checked(judged, measuring.images):
        print(text)


def _checked(judged: JudgedLesions, images: tuple[str, ...]) -> list[str]:
    """What refinements did on patients and sources that they had not seen, or why that is not known."""
    from napari_uncertainseg.explain.refinement.of_results import check_left_out, check_without

    lines = []
    for group in ("patient", "source"):
        try:
            lines.append(describe(check_left_out(judged, group)))
            for image in images if len(images) > 1 else ():
                without, _, gained = check_without(judged, group, image)
                lines.append(f"  F1 without {image} {_interval(without)}: with it {_signed(gained)}")
        except InputError as error:
            lines.append(f"each {group} left out: not known. {error}")
    return lines


def describe(result: LeftOutResult) -> str:
    """A line for each measure, and whether it helped."""
    lines = [f"each {result.group} left out (95 % intervals over patients):"]
    for name, (before, after, difference) in result.measures.items():
        lines.append(
            f"  {name:10} before {_interval(before)}, after {_interval(after)}, "
            f"difference {_signed(difference)}"
        )
    _, low, high = result.measures["F1"][2]
    verdict = (
        "it helps"
        if low > 0
        else "it does harm"
        if high < 0
        else "whether it helps cannot be told from these"
    )
    was, now = result.before, result.after
    lines.append(
        f"  of {was.false} false lesions {was.false - now.false} are taken away, "
        f"of {was.true} real ones {was.true - now.true}: {verdict}"
    )
    return "\n".join(lines)


def _interval(found: Interval) -> str:
    value, low, high = found
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _signed(found: Interval) -> str:
    value, low, high = found
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _apply(options: Namespace) -> None:
    from napari_uncertainseg.explain.refinement.model import KEPT, load_refinement

    refinement, maps = load_refinement(options.refinement), _maps(options)
    _check_maps(maps, options.folder)
    from napari_uncertainseg.explain.refinement.of_results import refined_lesions
    from napari_uncertainseg.export import write_table

    table = refined_lesions(refinement, options.folder, maps)
    write_table(options.out, table)
    kept = int(table[KEPT].sum())
    print(f"{options.out}: {len(table)} lesions, {kept} kept, {len(table) - kept} probably false")


def _measuring(options: Namespace) -> Measuring:
    from napari_uncertainseg.explain.refinement.model import Measuring

    images = tuple(options.images) or ("flair",)
    if len(set(images)) < len(images) or len(images) > 20 or options.margin > 20:
        raise InputError("Name each --image once, 20 at most, and a --margin of 20 voxels at most.")
    return Measuring(
        images=images, bin_width=options.bin_width, bin_count=options.bin_count, margin=options.margin
    )


def _check_maps(maps: Mapping[str, Path], folder: Path) -> None:
    """See by their headers that maps lie on the grid of results."""
    from napari_uncertainseg.disk.result_folder import MAP_OF_ALL
    from napari_uncertainseg.images.files import check_beside, grid_by_header

    grid = grid_by_header(folder / MAP_OF_ALL) if maps else None
    for path in maps.values():
        beside = grid_by_header(path, whole=True)
        if grid is not None and beside is not None:
            check_beside(path, beside, folder, grid)


def _maps(options: Namespace) -> dict[str, Path]:
    maps = {name: Path(file) for name, file in options.maps}
    if len(maps) < len(options.maps):
        raise InputError("Two maps have one name; give each --map its own.")
    return maps
