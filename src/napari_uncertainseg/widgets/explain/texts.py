"""Every word of the Explain dock: labels, tooltips and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isnan
from typing import TYPE_CHECKING

from napari_uncertainseg.explain.maker import made_by_model
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.progress.times import TimeLeft
from napari_uncertainseg.progress.words import format_time_left

if TYPE_CHECKING:
    from napari_uncertainseg.explain.context import ContextNeed
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.widgets.explain.request import ExplainRequest, Setting

# -- what is explained ----------------------------------------------------------------------------

NO_PREDICTION = "No prediction yet: press Run in Segment."
NO_MODEL = "No model made these results: they came from maps. So there is nothing to explain."
CHOOSE = "Choose a lesion or a candidate: click on it in the list of Lesions, or on its outline in the image."
REGION = "Explain"
REGION_TIP = (
    "What is explained: the lesion or candidate that is selected in Lesions or was clicked in the image;\n"
    "or what is painted in a label layer of yours, with the label that is selected there."
)
OPEN, OPEN_TITLE = "Open…", "Open an exported explanation"
OPEN_TIP = (
    "Show what was exported before, here or with 'uncertainseg explain': choose its folder. It must be of\n"
    "the results that are open. Nothing is computed."
)
SELECTED = "the selected lesion or candidate"
EXPLAIN = "Explain"
RUN_LABELS = {"IDLE": EXPLAIN, "RUNNING": "Cancel", "CANCELLING": "Cancelling …"}
"""By the name of a job's state."""
EXPLAIN_MEANING = "Explain the selected lesion, or stop explaining it."
CANCEL_TIP = "Stop. What was found so far stays on the screen."
CHOOSE_OTHER = "What is shown was explained before: choose a lesion to explain it now."
CANCELLED = "Stopped: what is shown is not finished."
CANCELLED_EARLY = "Stopped. Nothing was explained."
FROM_BEFORE = "From before: it was explained with these settings already, and nothing was computed again."
RECALIBRATED = (
    "The probabilities in the window are recalibrated. Here they are the model's own, and a voxel counts as "
    "found from the model's own threshold of {:.2f} on."
)
OTHER_BRAIN = "The brain was changed after this run: explained is the run, with the brain as it was then."

# -- how ------------------------------------------------------------------------------------------

MORE, MORE_TIP = "More", "How it is explained."
CHOSEN_TIP = "How it is explained: change it below More."
VERSION, PASSES, STAGE, NETWORK = "Gradients", "Passes", "Grad-CAM++ stage", "Network"
VERSIONS = {
    "average": (
        "average",
        "SmoothGrad of the sum over the region: the mean over passes of the gradient of its summed logits.",
    ),
    "maximum": (
        "maximum",
        "For each voxel of the scan the largest of the gradients of the region's single logits, then the\n"
        "mean over passes. It takes as many gradients as the region has voxels, in each pass.",
    ),
}
"""Title and meaning of each version of the saliency."""
VERSION_TIP = "\n".join(f"{title}: {meaning}" for title, meaning in VERSIONS.values())
PASSES_TIP = (
    "Copies of the scan with noise whose gradients are averaged; as published 50, with noise of 5 % of the\n"
    "range of the normalised FLAIR. More passes take longer and give a smoother map."
)
USUAL_STAGE = "the finest (usual)"
STAGE_TIP = (
    "The part of the network whose activations Grad-CAM++ weighs. The stages of a network are offered once\n"
    "it was loaded, by the first explanation."
)
NETWORK_TIP = "Which of the networks of an ensemble is explained."

# -- maps -----------------------------------------------------------------------------------------

SHOW, NOTHING = "Show", "nothing"
CAM, SALIENCY = "gradcam", "saliency_"
SHOW_TIP = "A map over the scan, one at a time."
SALIENCY_TIP = (
    "Saliency (SmoothGrad): how much the logits of the region, summed, change per unit of the scan as the\n"
    "network reads it (normalised). Orange: a brighter voxel makes the lesion more probable. Violet: less\n"
    "probable. Where there is no colour the voxel does not matter. All scans share the same limits."
)
CAM_TIP = (
    "Grad-CAM++: where a stage of the network is active for this lesion. 0 or more, without unit: only\n"
    "ratios within one map mean something."
)
LEGEND = "Orange: brighter here, more probable to the model. Violet: brighter here, less probable."
LEGEND_CAM = "Bright: where this stage of the network is active for the lesion."
WARNING = "This shows what moves the model's answer, not whether the answer is right."

# -- plots ----------------------------------------------------------------------------------------

CONTEXT_TIP = (
    "Context: mean probability in the lesion when the model is shown the lesion and so many mm around it;\n"
    "all further away is set to 0. Dashed: with all of the field.\n"
    "Detected: the smallest radius at which a voxel of the lesion reaches the threshold.\n"
    "Settled: from there on the mean probability stays within 0.05 of that with all of the field."
)
CHANGES_TIP = (
    "What the model would say if the scan were another. Circles: mean probability in the lesion, filled\n"
    "where the model finds it (a voxel reaches the threshold), hollow where it misses it.\n"
    "Squares: LSU (structural uncertainty over the network's heads, 0 to 1; not the column Doubt), where\n"
    "one is found.\n"
    "Fainter: the lesion is filled with tissue like its surroundings by so many percent; 100 % is filled.\n"
    "No T1, no T2: without this scan. FLAIR: with the FLAIR alone."
)
AROUND, FAINTER = "mm of surroundings", "% fainter, or without a scan"
PROBABILITY, SHORT_P, DOUBT = "probability", "p", "LSU"
SHORT = {"without T1": "no T1", "without T2": "no T2", "FLAIR alone": "FLAIR"}
"""Ticks, by the change in words."""

# -- place and drivers of doubt -------------------------------------------------------------------

NOT_MEASURED = "Place and drivers of doubt: not measured yet."
PLACE_TIP = (
    "Where it lies, by an atlas laid over the brain and by the patient's own ventricles: at most 2 mm\n"
    "from the ventricles (periventricular) or from the cortex (juxtacortical), below the tentorium\n"
    "(infratentorial), or deep white matter. Distances are the shortest gaps. Unknown where the atlas does\n"
    "not fit."
)


def doubt_tip(basis: str) -> str:
    """What the sentence about doubt means, and what it rests on."""
    return (
        "What of the lesion its doubt goes with: size, shape, place, contrast, noise, neighbours, slices. "
        f"Percentages are shares of all that these add to its doubt or take from it. {basis}".strip()
    )


# -- files ----------------------------------------------------------------------------------------

EXPORT = "Export…"
EXPORT_TIP = (
    "Write maps, tables and what was explained into a new folder, as 'uncertainseg explain' does. The maps\n"
    "are NIfTI files on the scan's grid, and open as layers."
)
EXPORT_TITLE = "Export into an empty folder"


def nothing_painted(name: str, number: int) -> str:
    """That there is nothing to explain in a label layer."""
    if number == 0:
        return (
            f"In the layer '{name}' label 0 is selected, which is the background: select another label there."
        )
    return (
        f"In the layer '{name}' nothing is painted with label {number}: paint, or select another label there."
    )


def painted_title(name: str, number: int) -> str:
    """What a painted region is called."""
    return f"label {number} of '{name}'"


def title_of_region(name: str) -> tuple[str, int]:
    """What a region in a folder is called, by the name of its files, and its number if it is a lesion."""
    for noun in ("lesion", "candidate"):
        number = name.removeprefix(noun)
        if number != name and number.isdecimal():
            return f"{noun} {number}", int(number) if noun == "lesion" else 0
    return "painted region", 0


def in_folder(title: str, folder: str) -> str:
    """A region of a folder among the choices."""
    return f"{title}, from the folder '{folder}'"


def opened(count: int, folder: object) -> str:
    """What was opened."""
    regions = "1 region" if count == 1 else f"{count} regions, the first is shown"
    return f"Opened from {folder}: {regions}. Nothing was computed again."


def no_explanations(folder: object) -> str:
    """That a folder holds something else."""
    return f"{folder} holds no explanation that 'uncertainseg explain' or this dock has written."


def not_there(lost: Iterable[str]) -> str:
    """That the model lacks what was chosen for another one."""
    return f"This model has no {' and no '.join(lost)}: the usual one is used."


def painted(name: str) -> str:
    """A label layer among the choices."""
    return f"painted in '{name}'"


def explain_tip(key: str) -> str:
    """What the button does, and its key."""
    tip = (
        "Find out by which voxels the model goes, how much of the surroundings it needs, and what it would\n"
        "say if the scan were another. It takes a minute or more; a first picture comes soon."
    )
    return f"{tip}\nKey: {key}" if key else tip


def explain_label(key: str) -> str:
    """The button, with its key."""
    return f"{EXPLAIN} ({key})" if key else EXPLAIN


def not_yet(title: str, key: str) -> str:
    """That a region was not explained."""
    return f"{_capital(title)} is not explained yet: press {explain_label(key)}."


def being_explained(title: str, other: str | None) -> str:
    """That a region is being explained; or, with the name of another one, that it has to wait for that."""
    if other is None:
        return f"{_capital(title)} is being explained …"
    as_now = f"{_capital(title)}, as it is now, is not explained yet."
    return f"{as_now} {_capital(other)} is being explained, as it was when you asked: wait, or press Cancel."


def why_not_yet(request: ExplainRequest, running: ExplainRequest | None, key: str) -> str:
    """Why nothing is shown of what is chosen: nobody asked, or it is being explained, or another one is."""
    title = request.chosen.title
    if not made_by_model(request.prediction.information):
        return NO_MODEL
    if running is None:
        return not_yet(title, key)
    return being_explained(title, None if running.key == request.key else running.chosen.title)


def why_empty(prediction: Prediction | None) -> str:
    """Why there is nothing to explain."""
    if prediction is None:
        return NO_PREDICTION
    return CHOOSE if made_by_model(prediction.information) else NO_MODEL


def cancelled(title: str) -> str:
    """That another region than the chosen one is not explained further."""
    return f"Stopped explaining {title}, as it was when you asked."


def failed(title: str, reason: str) -> str:
    """Why another region than the chosen one could not be explained."""
    return f"{_capital(title)}: {reason}"


def heading(title: str, voxels: int, volume: float, model: str) -> str:
    """What is explained, by which model."""
    one = "voxel" if voxels == 1 else "voxels"
    return f"{_capital(title)}: {voxels} {one}, {volume:.0f} mm³. Model: {model}."


def stage(text: str, left: TimeLeft | None, spent: float) -> str:
    """What is being done, and the time left, or so far."""
    return f"{text}, {format_time_left(left, spent)}"


def progress_of(passes: int, of: int) -> str:
    """How fine a map is."""
    return f"Saliency of {passes} of {of} passes." if passes < of else f"Saliency of {of} passes."


def chosen(version: str, passes: int, stage: str | None, network: int) -> str:
    """The settings in a line."""
    which = f", network {network}" if network > 1 else ""
    at = f", Grad-CAM++ at {stage}" if stage else ""
    return f"{version}, {passes} {'pass' if passes == 1 else 'passes'}{at}{which}"


def made_with(setting: Setting) -> str:
    """With which settings something in a folder was made."""
    own = chosen(setting.version, setting.passes, setting.stage, setting.network)
    return f"It was made with: {own}."


def map_title(name: str) -> str:
    """A map among the choices."""
    return "Grad-CAM++" if name == CAM else f"saliency {title_of(name.removeprefix(SALIENCY))}"


def layer_names(names: Iterable[str], title: str, model: str) -> Mapping[str, str]:
    """Names of the layers: the map, what is explained, the model, the unit."""
    units = {CAM: "no unit"}
    return {
        name: f"{map_title(name)}, {title}, {model} ({units.get(name, 'logits per unit')})" for name in names
    }


def context_sentence(need: ContextNeed, largest: float) -> str:
    """From where on the lesion is detected and settled."""
    if not need.found:
        return f"Not found with all of its surroundings either: mean probability {need.whole:.2f}."
    first = _radius("Detected", need.detected_mm, largest)
    lost = not isnan(need.detected_mm) and need.kept_mm != need.detected_mm
    again = f", lost with more around it and detected again {_from(need.kept_mm, largest)}" if lost else ""
    then = _radius("settled", need.settled_mm, largest)
    return (
        f"{first}{again}, {then} (the paper says 7 mm of lesions in general). "
        f"Mean probability {need.alone:.2f} from the lesion alone, {need.whole:.2f} with all around."
    )


def _radius(verb: str, radius: float, largest: float) -> str:
    if isnan(radius):
        return f"{'Not' if verb[0].isupper() else 'not'} {verb.lower()} within {largest:g} mm"
    return f"{verb} {_from(radius, largest)}"


def _from(radius: float, largest: float) -> str:
    return f"beyond {largest:g} mm" if isnan(radius) else f"from {radius:g} mm"


def saved(folder: object) -> str:
    """That files were written."""
    return f"Saved to {folder}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# -- names of what has no word beside it, for programs that read the screen aloud --------------

REGION_NAME = "What is explained"
