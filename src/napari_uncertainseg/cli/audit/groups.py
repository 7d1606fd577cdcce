"""``uncertainseg audit groups``."""

from __future__ import annotations

from argparse import Namespace

from napari_uncertainseg.cli.progress import ProgressLine


def groups(options: Namespace) -> None:
    """Compare groups of patients, write the folder, and say what can be said."""
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.audit.groups.audit import GroupsSetting, audit_groups
    from napari_uncertainseg.audit.groups.files import PAGE, write_groups
    from napari_uncertainseg.audit.groups.measures import MEASURES, measure_cohort
    from napari_uncertainseg.audit.groups.patients import VOLUME, check_covariates, patients_of
    from napari_uncertainseg.audit.groups.sentences import of_attribute, sentences
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    check_covariates(options.by, options.covariates)
    setting = GroupsSetting(options.measure or tuple(MEASURES), options.draws, options.seed)
    asked = [name for name in options.covariates if name != VOLUME]
    cohort = read_audit_cohort(options.cohort, options.by, columns=asked)
    with ProgressLine() as progress:
        measured = measure_cohort(cohort, to_see=options.doubt, resample=options.resample, progress=progress)
        patients = patients_of(cohort, measured, options.by, options.covariates)
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
