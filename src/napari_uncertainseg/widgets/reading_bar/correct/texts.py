"""Words of the correction tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OPEN = "Correct"
OPEN_TIP = "Tools that correct outlines: grow, fill, brush, smart click, split, merge, interpolate."
CLOSE, CLOSE_TIP = "Close", "Put the tool away and close this row."
BY, BY_TIP = "by", "How far Grow and Shrink move the outline, in mm. It starts with one voxel in the slice."
IN, IN_TIP = (
    "in",
    "A ring has a hole in its slice. In 3-D a hole is closed on all sides, above and below too.",
)
SLICES, SPACE = "each slice", "3-D"


@dataclass(frozen=True)
class ToolWords:
    """What a tool is called.

    Attributes
    ----------
    name
        On its button.
    tip
        What it does.
    hint
        What to do while it is in hand; empty of a tool that acts at once.
    """

    name: str
    tip: str
    hint: str = ""


TOOLS: Mapping[str, ToolWords] = {
    "grow": ToolWords("Grow", "Grow the selected lesion, but not into another one."),
    "shrink": ToolWords("Shrink", "Shrink the selected lesion."),
    "fill": ToolWords("Fill holes", "Fill the holes of the selected lesion."),
    "brush": ToolWords(
        "Brush",
        "Paint or erase with a brush whose size is in mm, also only where the scan is bright or dark.",
        "Drag over the image. Yellow is taken, orange is removed.",
    ),
    "click": ToolWords(
        "Smart click",
        "Outline what the model sees around a place, at the probability that you choose with the wheel.",
        "Click on a lesion. Wheel: larger or smaller. Click inside or Enter: take it.",
    ),
    "split": ToolWords(
        "Split",
        "Cut one lesion in two. A layer one voxel thick is taken away between the parts.",
        "Drag a line across a lesion, or click on two places in it.",
    ),
    "merge": ToolWords(
        "Merge",
        "Make one lesion of two that lie near each other, with a bridge between them.",
        "Click on the lesion to join with the selected one.",
    ),
    "interpolate": ToolWords(
        "Interpolate",
        "Fill in the slices between two outlines that were painted some slices apart.",
        "Select the first outline, go to the other slice and click on the second one.",
    ),
}
LEAVE = " Esc: put the tool away."
NO_TOOL = "Grow, Shrink and Fill holes change the selected lesion at once. Q takes back what was done last."

SIZE, SIZE_TIP = "Size", "Diameter of the brush in mm, whatever the size of the voxels."
DISC, BALL = "disc in the slice", "ball in 3-D"
SHAPE_TIP = "A ball paints in the slices above and below, too, as far as its size reaches."
PAINT, ERASE = "paint", "erase"
DOES_TIP = "Paint makes lesion, erase takes it away."
ANYWHERE, ABOVE, BELOW = "anywhere", "only above", "only below"
LIMIT_TIP = "Bind the brush to the brightness of the scan: it passes over everything else."
LEVEL_TIP = "The brightness, in the scan's own unit. While you move it, all that it lets through is outlined."
NO_SCAN = "The scan itself is not open, so that its brightness is not known: the brush paints anywhere."
SMALLER, LARGER, TAKE = "Smaller", "Larger", "Take"
SMALLER_TIP = "A higher probability, and so a smaller outline (wheel towards you)."
LARGER_TIP = "A lower probability, and so a larger outline (wheel away from you)."
TAKE_TIP = "Give the lesion this outline (Enter, or a click inside of it)."
AT_PROBABILITY = "Probability {threshold:.3f}, {volume}"
NO_PLACE = "No place chosen"
STROKE_ENDED = "Another slice is shown since the button was pressed: the stroke ended in the slice before."
OTHER_SLICE = "Another slice is shown since the button was pressed: nothing was drawn. Begin again."
GAP, GAP_TIP = "at most", "How far apart the two lesions may lie, in mm, between their nearest voxels."

EXERCISE = "The tools are off during an exercise: there, outline with napari's brush."
NOTHING = "There are no outlines yet: press Run in Segment first."
REMOVED = "The layer with the lesions was removed. Press once on the scan: it is brought back."
BACK = "The lesions are outlined again. Now the tool works."
IN_3D = "The tools work in slices: press 2-D/3-D below the list of layers, and then choose a tool."
NONE_SELECTED = "No lesion is selected: choose one in the list, or click on one."
CANDIDATE = "A candidate is selected, which is no lesion yet: take it with Smart click, or choose a lesion."
NO_LESION_HERE = "There is no lesion here: click on one."
NOW_SECOND = "Lesion {number} is the first: now click on the second one."
NOW_OTHER_PLACE = "Now click on another place of lesion {number}, on the other side of the cut."
PAINT_MORE = "So small a place is not in the list yet ({volume:g} mm³ are needed): paint more."
VERDICT_GONE = " The place of its verdict is lesion no more: judge it anew."
