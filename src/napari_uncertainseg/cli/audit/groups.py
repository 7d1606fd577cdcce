"""``uncertainseg audit groups``."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter


def groups(options: Namespace) -> None:
    """Say which groups a cohort has."""
    from napari_uncertainseg.audit.cohort import read_audit_cohort

    cohort = read_audit_cohort(options.cohort, options.by)
    print(f"{len(cohort.cases)} cases of {len(cohort.patients)} patients")
    for attribute in options.by:
        sizes = Counter(cohort.group_of(attribute).values())
        print(f"{attribute}: {', '.join(f'{group} ({n})' for group, n in sizes.items()) or 'no group'}")
    for note in cohort.notes:
        print(f"note: {note}")
