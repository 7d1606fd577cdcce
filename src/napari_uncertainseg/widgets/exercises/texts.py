"""All words of the Exercises dock: labels, buttons, tooltips, questions and scores."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.review.lessons.lesson import Opinion
from napari_uncertainseg.review.lessons.model_visibility import ModelInfluence
from napari_uncertainseg.review.lessons.outlining import OutlineComparison
from napari_uncertainseg.review.lessons.scoring import Score

_EARLIER = 5
"""Number of earlier scores that are shown."""

# -- the form -----------------------------------------------------------------------------------

ANNOTATOR, CONSENSUS, EXERCISE, MODEL = "Annotator", "Consensus", "Exercise", "Model"
CONSENSUS_TIP = "Label layer that counts as the truth, such as a consensus of experts."
EXERCISES = {
    "judge": ("classify locations", "Is there a lesion inside the ring? Half of the locations are lesions."),
    "outline": (
        "outline lesions",
        "Paint all lesions of one slice or more, then compare with the consensus.",
    ),
}
"""Title and tooltip of each exercise."""
PLANS = {
    "without": ("hidden", "You answer without the model."),
    "first": ("shown first", "You see the model's opinion, then answer."),
    "after": ("shown after", "You answer, then see the model's opinion, and may change your answer."),
    "balanced": ("all three, in turn", "As many questions of each kind: shows how the model influences you."),
}
"""Title and tooltip of each way to show the model."""
WHOLE = "compare all slices"
WHOLE_TIP = "If not ticked, only slices in which you painted are compared."
BEGIN = "Begin"
BEGIN_TIP = (
    "Hide the model and the consensus, and start. Locations come in random order;\n"
    "those that you answered wrongly before come first."
)
STOP = "Stop and score"
STOP_TIP = "End the exercise, show all layers and docks again, and show your score."
YES, NO = "Lesion", "No lesion"
YES_TIP = "Answer that there is a lesion inside the ring."
NO_TIP = "Answer that there is no lesion inside the ring."
CONFIDENCE = "confidence"
CONFIDENCE_TIP = "How sure you are of your answer: 50 % = guessing, 100 % = certain."

# -- what to do next ----------------------------------------------------------------------------

NO_PREDICTION = "No prediction yet: press Run in Segment. Questions also include the model's own detections."
NO_CONSENSUS = "Choose the label layer that counts as the truth."
NO_NAME = "Enter the annotator's name."
HIDING = "Hiding what the model found…"
READY, DONE = "Ready: press Begin.", "Done. Press Begin for another exercise."
SESSION_IS_RECORDED = "A session is being recorded: press Leave in Session first."
OUTLINE = (
    "Paint all lesions of one slice or more on the layer <i>your outline</i>: label 1 for certain lesion, "
    "label 2 for possible lesion. Then set your confidence, and press Stop and score."
)


def with_key(text: str, key: str) -> str:
    """A button's text or tooltip with its key, if it has one."""
    return f"{text} ({key})" if key else text


def confidence_tip(lower: str, higher: str) -> str:
    """What the confidence is, and the keys that change it."""
    keys = [f"{key}  {word}" for key, word in ((lower, "lower"), (higher, "higher")) if key]
    return "\n".join([CONFIDENCE_TIP, *(["Keys: " + ",  ".join(keys)] if keys else [])])


def not_recorded(problem: str) -> str:
    """An answer that could not be saved."""
    return f"Not recorded: {problem}"


def question(number: int, questions: int, may_change: bool) -> str:
    """A question, as HTML; a second time where the answer may be changed."""
    again = " again: you may change your answer" if may_change else ""
    return f"<b>{number} of {questions}{again}.</b> Is there a lesion inside the ring?"


def describe_opinion(opinion: Opinion) -> str:
    """What the model says of a location, as HTML."""
    answer = "a lesion" if opinion.is_lesion else "no lesion"
    return f"The model's answer: <b>{answer}</b>; largest p there {opinion.probability:.2f}."


# -- the score of a lesson ----------------------------------------------------------------------

ALL = "all"
ARMS = {"without": "alone", "first": "model first", "after": "model after"}
_GROUP_TIPS = {
    ALL: "All answers of this exercise.",
    "alone": "Questions for which the model was hidden.",
    "model first": "Questions for which you saw the model's opinion before your answer.",
    "model after": "Questions for which you saw the model's opinion after your first answer.",
}
YOUR_PROBABILITY = "your probability of a lesion"
WRONG_COLUMNS = ("your answer", "truth", "mm³", "confidence")


def group_tip(title: str) -> str:
    """Tooltip of a column: all answers, by how the model was shown, by depth (mm) or by volume (mm³)."""
    if tip := _GROUP_TIPS.get(title):
        return tip
    if title == "deeper" or title.endswith("deep"):
        return "Locations by their depth below the surface of the brain: less than 15 mm, or deeper."
    return f"Locations with a volume of {title.removesuffix(' mm³')} mm³."


def describe_score(
    score: Score, earlier: Sequence[Score], repeated: int, influence: ModelInfluence | None
) -> str:
    """A lesson in a few sentences."""
    if not score.answers:
        return "You gave no answer: there is nothing to score."
    lines = [f"{score.answers} answers, {score.accuracy:.0%} right"]
    if earlier:
        lines.append("Before: " + ", ".join(f"{one.accuracy:.0%}" for one in earlier[-_EARLIER:]))
    if repeated:
        lines.append(f"{repeated} of them are harder: you answered them wrongly before")
    if influence is not None:
        lines += _describe_influence(influence)
    return ". ".join(lines) + "."


def _describe_influence(influence: ModelInfluence) -> list[str]:
    against = f", {influence.left} of them against the model" if influence.left else ""
    return [
        f"After you saw the model, you changed {influence.changed} of {influence.answers} answers{against}",
        f"Where only the model was right, you followed it {influence.helped} of "
        f"{influence.could_help} times. "
        f"Where only you were right, you followed it {influence.harmed} of {influence.could_harm} times",
    ]


# -- the score of an outline --------------------------------------------------------------------

OUTLINE_SCORES = {
    "Dice": "Overlap with the consensus in these slices (labels 1 and 2). 1 is identical, 0 is no overlap.",
    "HD95, mm": "95 % Hausdorff distance: 95 % of the boundary points are at most this far apart.",
    "lesion F1": "Detection of lesions; one common voxel counts as detected. 1 is best, 0 is worst.",
    "volume, mm³": "Volume of your outline; volume of the consensus.",
    "inner is lesion": "Share of your certain outline (label 1) that is lesion in the consensus.",
    "outer covers": "Share of the consensus that is inside your whole outline (labels 1 and 2).",
}
"""Rows of the table, and their tooltips."""
LEGEND_TIP = "Who marked a voxel as lesion, in the layer <i>you and the consensus</i>."
ALONE_COLUMNS = ("lesion", "mm³")
MISSED, FALSE_POSITIVE = "missed", "false positive"


def describe_outline(comparison: OutlineComparison, earlier: Sequence[float]) -> str:
    """An outline in a sentence or two, with the Dice of earlier ones."""
    slices = pluralised(comparison.slices, "slice")
    text = (
        f"Compared in {slices}. Lesions missed: {len(comparison.missed)}, "
        f"false positives: {len(comparison.invented)}."
    )
    if earlier:
        text += " Dice before: " + ", ".join(f"{dice:.2f}" for dice in earlier[-_EARLIER:]) + "."
    return text


WHAT_MAKES_IT_HARD = "What makes it hard, if it is?"


CLOSED = "Open Exercises first: this key says how sure you are in an exercise."
NO_QUESTION = "Begin an exercise first: this key says how sure you are."
ONLY_ANSWERS = "Not in an exercise: press Stop and score first."


def less_sure(percent: int) -> str:
    """What the key for less confidence does."""
    return f"Exercises: lower the stated confidence by {percent} %."


def more_sure(percent: int) -> str:
    """What the key for more confidence does."""
    return f"Exercises: raise the stated confidence by {percent} %."


# -- names of what has no word beside it, for programs that read the screen aloud --------------

NUMBERS_NAME, ALONE_NAME = "Your outline in numbers", "Lesions that only one of you outlined"
SIZES_NAME, WRONG_NAME = "Answers by size", "Wrong answers"
