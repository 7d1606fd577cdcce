"""``uncertainseg audit groups``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.audit.cohort import AuditCohort


def _cohort(options: Namespace) -> tuple[AuditCohort, AuditCohort]:
    """The cohort as the table has it, and with bands of numbers in place of these."""
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.audit.groups.bands import VOLUME, banded

    cuts = dict(options.bands)
    stray = next((name for name in cuts if name not in options.by), None)
    if stray is not None:
        raise InputError(
            f"--bands parts '{stray}' into groups, but --by does not name it; name it there too."
        )
    if len(cuts) < len(options.bands):
        raise InputError("--bands names a column twice; give each its limits once.")
    columns = dict.fromkeys([*cuts, *(name for name in options.covariates if name != VOLUME)])
    plain = [name for name in options.by if name not in cuts]
    read = read_audit_cohort(options.cohort, plain, columns=[name for name in columns if name not in plain])
    return read, banded(read, cuts)


def groups(options: Namespace) -> None:
    """Compare groups of patients, write the folder, and say what can be said."""
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    as_read, cohort = _cohort(options)
    from napari_uncertainseg.audit.groups.audit import GroupsSetting, audit_groups
    from napari_uncertainseg.audit.groups.files import PAGE, write_groups
    from napari_uncertainseg.audit.groups.measures import MEASURES, measure_cohort, with_notes
    from napari_uncertainseg.audit.groups.patients import covariates_of, patients_of
    from napari_uncertainseg.audit.groups.sentences import of_attribute, sentences

    setting = GroupsSetting(options.measure or tuple(MEASURES), options.draws, options.seed)
    with ProgressLine() as progress:
        measured = measure_cohort(cohort, to_see=options.doubt, resample=options.resample, progress=progress)
        cohort = with_notes(cohort, measured)
        patients = patients_of(
            cohort, measured, options.by, covariates_of(as_read, measured, options.covariates)
        )
        audit = audit_groups(patients, setting, progress)
        write_groups(options.out, cohort, measured, audit, options.doubt)
    for sentence in sentences(audit):
        print(sentence)
    for attribute in audit.groups:
        print(f"{attribute}:")
        for sentence in of_attribute(audit, attribute):
            print(f"  {sentence}")
    for note in cohort.notes:
        print(f"note: {note}")
    print(f"{options.out}: written; open {options.out / PAGE}")
