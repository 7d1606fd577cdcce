"""What there is to say about a model, for the command line and the window."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.inference.sampling import METHODS
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.networks.real_probability import P_REAL, RealProbability
from napari_uncertainseg.networks.recalibration import FITTED_ON, FittedLine, ModelRecalibration
from napari_uncertainseg.networks.seen_scans import SeenScans


def model_facts(model: Model) -> dict[str, str]:
    """What a model reads, can give and has seen; its weights are not loaded.

    Returns
    -------
    dict
        By a title in lower case; a fact may have several lines.
    """
    return {
        "name": model.name,
        "folder": str(model.folder),
        "version": model.version,
        "scans": _scans(model),
        "segments": _target(model),
        "networks": str(model.capabilities.networks),
        "methods": _methods(model),
        "spacing": model.preprocessing.voxels_in_words,
        "threshold": f"{model.threshold:g}",
        "styles": ", ".join(model.styles) or "not told apart",
        "recalibrated": _recalibrated(model.recalibrations),
        "p_real": _real_probability(model.real_probability),
        "has seen": _seen(model.seen),
        "sha256": model.sha256,
    }


def _scans(model: Model) -> str:
    """What it reads, in the order of its channels, and what it cannot do without."""
    needed = {model.main, *model.needs}
    if needed >= set(model.modalities):
        return ", ".join(model.modalities)
    return ", ".join(one if one in needed else f"{one} (optional)" for one in model.modalities)


def _target(model: Model) -> str:
    """What it segments, and of which classes that is made."""
    if len(model.classes) < 2:
        return model.target
    return f"{model.target} ({' + '.join(model.classes[i] for i in model.target_classes)}; " + (
        f"classes: {', '.join(model.classes)})"
    )


def _methods(model: Model) -> str:
    """With which methods it gives members: how many by itself, and how many at most."""
    has, found = model.capabilities, []
    for name, method in METHODS.items():
        usual, most = method.usual_members(has), method.most(has)
        if most:
            at_most = f", at most {most}" if most > usual else ""
            found.append(f"{name} ({pluralised(usual, 'member')}{at_most})")
    return ", ".join(found)


def _recalibrated(known: Sequence[ModelRecalibration]) -> str:
    """A line for each, in the order in which they are looked for."""
    lines = []
    for one in known:
        scans = f" with {' + '.join(one.inputs)}" if one.inputs else ""
        lines.append(f"{', '.join(one.methods) or 'all methods'}{scans}: {_fitted(one)}")
        if one.unlike is not None:
            lines.append(f"  scans unlike all that it has seen: {_fitted(one.unlike)}")
    return "\n".join(lines) or "no"


def _fitted(line: FittedLine) -> str:
    numbers = f"logit / {line.temperature:g} {'+' if line.shift >= 0 else '-'} {abs(line.shift):g}"
    who = f"{pluralised(line.patients, 'patient')}{' of ' * bool(line.sources)}{', '.join(line.sources)}"
    return f"{numbers}, fitted with {FITTED_ON[line.fitted_on]} ({who})"


def _real_probability(known: RealProbability | None) -> str:
    """What the model says of lesions being real, and how well it told them from false ones."""
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
        f" ({pluralised(one.patients, 'patient')}, {one.lesions} lesions and candidates)"
        for one in known.sources
        if P_REAL in one.auroc
    ]
    return "\n".join(lines)


def _seen(known: SeenScans | None) -> str:
    """From where, and how many scans."""
    if known is None:
        return "not said"
    return ", ".join(f"{name} ({pluralised(one.scans, 'scan')})" for name, one in known.sources.items())
