"""``uncertainseg models``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_uncertainseg._base import one_line, pluralised

if TYPE_CHECKING:
    from napari_uncertainseg.networks.model import Model
    from napari_uncertainseg.networks.real_probability import RealProbability
    from napari_uncertainseg.networks.recalibration import FittedLine, ModelRecalibration
    from napari_uncertainseg.networks.seen_scans import SeenScans

_NEXT = f"\n{'':13}"
"""Between lines of one fact."""


def models(options: Namespace) -> None:
    """List the models, show one, or add one."""
    {"list": _list, "show": _show, "add": _add}[options.action or "list"](options)


def _list(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import list_models, unusable_models

    print(f"{'name':23} {'scans':15} {'networks':>8}{'threshold':>11}  description")
    for model in list_models():
        scans, networks = "+".join(model.modalities), model.capabilities.networks
        description = one_line(model.description)
        print(f"{model.name:23} {scans:15} {networks:>8}{model.threshold:>11.2f}  {description}")
    for name, why in unusable_models().items():
        print(f"{name:23} cannot be used: {one_line(why)}")


def _show(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import find_model

    model = find_model(options.name)
    for key, value in _facts(model).items():
        print(f"{key:12} {value}")
    print(f"\n{model.card()}")


def _add(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import add_model

    model = add_model(options.path)
    print(f"added {model.name}: {model.folder}")


def _facts(model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "folder": model.folder,
        "scans": ", ".join(model.modalities),
        "networks": model.capabilities.networks,
        "spacing": model.preprocessing.voxels_in_words,
        "threshold": f"{model.threshold:g}",
        "styles": ", ".join(model.styles) or "not told apart",
        "recalibrated": _recalibrated(model.recalibrations),
        "p_real": _real_probability(model.real_probability),
        "has seen": _seen(model.seen),
        "sha256": model.sha256,
    }


def _recalibrated(known: Sequence[ModelRecalibration]) -> str:
    """A line for each, in the order in which they are looked for."""
    lines = []
    for one in known:
        scans = f" with {' + '.join(one.inputs)}" if one.inputs else ""
        lines.append(f"{', '.join(one.methods) or 'all methods'}{scans}: {_fitted(one)}")
        if one.unlike is not None:
            lines.append(f"  scans unlike all that it has seen: {_fitted(one.unlike)}")
    return _NEXT.join(lines) or "no"


def _fitted(line: FittedLine) -> str:
    from napari_uncertainseg.networks.recalibration import FITTED_ON

    numbers = f"logit / {line.temperature:g} {'+' if line.shift >= 0 else '-'} {abs(line.shift):g}"
    who = f"{pluralised(line.patients, 'patient')}{' of ' * bool(line.sources)}{', '.join(line.sources)}"
    return f"{numbers}, fitted with {FITTED_ON[line.fitted_on]} ({who})"


def _real_probability(known: RealProbability | None) -> str:
    """What the model says of lesions being real, and how well it told them from false ones."""
    from napari_uncertainseg.networks.real_probability import P_REAL

    if known is None:
        return "no: lists go by the largest probability"
    low, high = known.thresholds
    use = "lists go by it" if known.orders else "shown, but lists go by the largest probability"
    lines = [
        f"for {', '.join(known.methods)} at thresholds from {low:g} to {high:g}; {use}",
        f"on sources left out: Brier score {known.brier:.3f}, of the mere share {known.brier_of_share:.3f}",
    ]
    lines += [
        f"without {one.name}: AUROC {one.auroc[P_REAL]:.3f} there"
        f" ({pluralised(one.patients, 'patient')}, {pluralised(one.lesions, 'lesion')})"
        for one in known.sources
        if P_REAL in one.auroc
    ]
    return _NEXT.join(lines)


def _seen(known: SeenScans | None) -> str:
    """From where, and how many scans."""
    if known is None:
        return "not said"
    return ", ".join(f"{name} ({pluralised(one.scans, 'scan')})" for name, one in known.sources.items())
