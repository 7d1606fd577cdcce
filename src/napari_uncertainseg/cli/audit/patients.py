"""``uncertainseg audit patients``."""

from __future__ import annotations

from argparse import Namespace

from napari_uncertainseg.cli.progress import ProgressLine


def patients(options: Namespace) -> None:
    """Find intervals and unlike scans, write the folder, and say what can be said."""
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    record = None
    if options.record is not None:
        from napari_uncertainseg.audit.patients.record_file import record_of_file

        record = record_of_file(options.record)
    cohort = read_audit_cohort(options.cohort)
    from napari_uncertainseg.audit.patients.analysis import audit_patients
    from napari_uncertainseg.audit.patients.files import NAME, write_patients
    from napari_uncertainseg.audit.patients.sentences import sentences

    with ProgressLine() as progress:
        found = audit_patients(cohort, progress, record)
        progress("writing", 1.0)
        write_patients(options.out, found, str(options.cohort))
    print("\n".join([*sentences(found), *(f"note: {note}" for note in found.notes)]))
    print(f"{options.out}: written; open {options.out / f'{NAME}.html'}")
