"""``uncertainseg audit challenge``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.audit.challenge.sheet import Sheet


def challenge(options: Namespace) -> None:
    """Measure a cohort, write the folder, and say what can be said."""
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    domain = options.domain.strip()
    read_audit_cohort(options.cohort, (domain,) if domain else (), columns=tuple(options.raters))
    from napari_uncertainseg.audit.challenge.cohort import measure_cohort
    from napari_uncertainseg.audit.challenge.files import NAME, write_sheet
    from napari_uncertainseg.audit.challenge.sheet import SheetSetting

    setting = SheetSetting(
        domain=domain,
        inside=tuple(dict.fromkeys(value.strip() for value in options.inside)),
        poor=options.poor,
        simulated=options.simulate_raters,
        draws=options.draws,
        seed=options.seed,
    )
    with ProgressLine() as progress:
        sheet = measure_cohort(options.cohort, setting, tuple(dict.fromkeys(options.raters)), progress)
        progress("writing", 1.0)
        write_sheet(options.out, sheet, str(options.cohort))
    print(describe(sheet))
    print(f"{options.out}: written; open {options.out / f'{NAME}.html'}")


def describe(sheet: Sheet) -> str:
    """The sheet over all cases, and what can be said of it."""
    from napari_uncertainseg.audit.challenge.sentences import sentences
    from napari_uncertainseg.audit.challenge.sheet import ALL

    lines, family = [], ""
    for row in sheet.rows:
        if row.cases != ALL or row.rater:
            continue
        if row.measure.family != family:
            family = row.measure.family
            lines.append(family)
        found = row.estimate
        between = "" if found.low != found.low else f" ({found.low:.3f} to {found.high:.3f})"
        value = "not defined" if found.value != found.value else f"{found.value:.4f}"
        good = "high" if row.measure.high else "low"
        unit = f" {row.measure.unit}" if row.measure.unit else ""
        lines.append(f"  {row.measure.title}, {row.measure.version} ({good} is good): {value}{unit}{between}")
    return "\n".join([*lines, *sentences(sheet)])
