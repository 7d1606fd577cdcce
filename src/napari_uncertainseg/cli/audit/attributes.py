"""``uncertainseg audit attributes``."""

from __future__ import annotations

from argparse import Namespace

from napari_uncertainseg.cli.progress import ProgressLine

_READING = 0.7
"""Share of the work after which the features are made."""


def attributes(options: Namespace) -> None:
    """Make the features, tell each attribute from each input, write the folder, and say what can be said."""
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.disk.new_folder import check_new

    if options.out is not None:
        check_new(options.out)
    cohort = read_audit_cohort(options.cohort, options.by)
    from napari_uncertainseg.audit.attributes.audit import TellingSetting, audit_attributes, plane_of
    from napari_uncertainseg.audit.attributes.case_features import usual_place
    from napari_uncertainseg.audit.attributes.files import NAME, write_attributes
    from napari_uncertainseg.audit.attributes.inputs import cohort_features
    from napari_uncertainseg.audit.attributes.sentences import sentences
    from napari_uncertainseg.progress.parts import part_of

    setting = TellingSetting(options.permutations, options.seed)
    with ProgressLine() as progress:
        features = cohort_features(
            cohort,
            options.features or usual_place(),
            encoder=options.encoder,
            stage=options.stage,
            model=options.model,
            device=options.device,
            progress=part_of(progress, 0, _READING),
        )
        found = audit_attributes(cohort, features, options.by, setting, part_of(progress, _READING, 1))
        plane = plane_of(features)
        if options.out is not None:
            write_attributes(options.out, cohort, features, found, plane, setting)
    for one in found:
        print("\n".join([f"{one.attribute}:", *(f"  {said}" for said in sentences(one))]))
    for note in (*cohort.notes, *features.notes):
        print(f"note: {note}")
    if options.out is not None:
        print(f"{options.out}: written; open {options.out / f'{NAME}.html'}")
