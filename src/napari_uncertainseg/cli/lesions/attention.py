"""``uncertainseg train-mil`` and ``uncertainseg attention``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.explain.attention.of_results import CaseAttention
    from napari_uncertainseg.training.mil.model import LeftOutScore, TrainedAttention

_SHOWN = 5
"""Instances with most attention that are printed."""
_MOST_MEMBERS = 20


def train_mil(options: Namespace) -> None:
    """Learn, and say what is told of patients that were left out."""
    from napari_uncertainseg.explain.attention.labelled_visits import read_labelled_visits

    if options.members > _MOST_MEMBERS:
        raise InputError(f"--members is {options.members}; at most {_MOST_MEMBERS} are of use.")
    # Before the scans are segmented, which may take hours.
    read_labelled_visits(options.cohort, options.label, options.auxiliary, scans=True)
    from napari_uncertainseg.cli.lesions.labelled_scans import with_results
    from napari_uncertainseg.explain.attention.case_bags import BagSetting
    from napari_uncertainseg.explain.attention.learning import (
        LearningSetting,
        check_place,
        learn_attention,
    )
    from napari_uncertainseg.training.mil.fit import FitSetting

    check_place(options.out, overwrite=options.overwrite)
    setting = LearningSetting(
        options.label,
        options.auxiliary,
        options.rule,
        BagSetting(options.instances, options.stage, options.network, options.patch),
        FitSetting(steps=options.steps, members=options.members, seed=options.seed),
    )
    with ProgressLine() as progress:
        table = with_results(options.cohort, options.out, options.model, options.device, progress)
        trained = learn_attention(
            table,
            options.out,
            setting,
            model=options.model,
            device=options.device,
            progress=progress,
        )
    print(f"{options.out}: {describe(trained)}")


def describe(trained: TrainedAttention) -> str:
    """What was learned, from whom, and how well it does on others."""
    learned = trained.about.learned
    lines = [
        f"learned '{learned.label}' from {pluralised(learned.visits, 'visit')} of "
        f"{learned.patients} patients, {learned.with_label} with it; {learned.instances} instances"
    ]
    lines += [_left_out(score) for score in learned.left_out]
    if learned.auxiliary_weight is not None:
        lines.append(
            f"second task '{learned.auxiliary}' ({learned.rule} rule): weight "
            f"{learned.auxiliary_weight:.3f} on average"
        )
    return "\n".join(lines)


def _left_out(score: LeftOutScore) -> str:
    what = f"each {score.group} left out" if score.group == "source" else "patients left out"
    if score.auc is None:
        return f"{what}: not known, none or one label is left"
    return (
        f"{what} ({score.patients} patients): AUC {score.auc:.2f} "
        f"(95 % interval over patients {score.low:.2f} to {score.high:.2f})"
    )


def attention(options: Namespace) -> None:
    """Say the patient's probability and where the attention is, and write the map and the table."""
    from napari_uncertainseg.disk.new_folder import check_new
    from napari_uncertainseg.explain.maker import check_maker
    from napari_uncertainseg.training.mil.model import load_attention, read_description

    check_new(options.out)
    read_description(options.mil)
    check_maker(Path(options.results), options.model)
    from napari_uncertainseg.explain.attention.of_results import attention_of_results, write_attention

    trained = load_attention(options.mil)
    with ProgressLine() as progress:
        found = attention_of_results(
            trained, options.results, model=options.model, device=options.device, progress=progress
        )
        write_attention(options.out, found)
    print(describe_case(found))
    where = "" if found.table.empty else "; open attention.nii.gz over the scan to see where the attention is"
    print(f"{options.out}: written{where}")


def describe_case(found: CaseAttention) -> str:
    """The probability, and the instances with most attention."""
    lines = [
        f"probability of '{found.information['label']}': {found.probability:.2f} "
        f"(members {found.lowest:.2f} to {found.highest:.2f})"
    ]
    if found.table.empty:
        lines.append("there is no lesion and no candidate to look at: this is what is said of such patients")
    for row in found.table.head(_SHOWN).to_dict("records"):
        lines.append(
            f"  {row['kind']} {row['label']}: {100 * row['attention']:.0f} % of the attention "
            f"({row['times_even']:.1f} times an even share), {row['volume_mm3'] / 1000:.2f} ml"
        )
    return "\n".join(lines)
