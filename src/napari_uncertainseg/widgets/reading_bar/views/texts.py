"""Words of the three views."""

BUTTON = "Three views"
BUTTON_TIP = (
    "Shows the axial, coronal and sagittal slice at once, with a crosshair at the same place in all three. "
    "A click in one view moves the others. Press again for one view."
)
CROSSHAIR = "Crosshair"
CROSSHAIR_TIP = "Two thin lines through the place that all views show."
SAME_ZOOM = "Same zoom in all views"
SAME_ZOOM_TIP = "The small views show as many millimetres as the large one."
LARGE = "{} in the large view"
KEY = "Show the axial, coronal and sagittal slice at once, or one view again."
STATUS = "For looking: a click moves the crosshair. Double-click: into the large view, where you paint."
DRAW_IN_LARGE = "Brush, tools and ruler work in the large view: double-click here to bring this plane there."
SMALL = "The small views"
MOUSE = (
    ("Click, drag", "Moves the crosshair in all views; on a lesion, selects it."),
    ("Wheel", "Goes through the slices, with Shift ten at a time."),
    ("Ctrl+wheel", "Zooms."),
    ("Middle drag", "Moves the picture."),
    ("Right drag", "Changes window (left and right) and level (up: brighter)."),
    ("Double-click", "Brings this plane into the large view, where you paint."),
)
NO_SCAN = "Open a scan first: there is nothing to show in three planes yet."
NOTHING = "Nothing to show in this plane:\nopen a scan with three dimensions,\nor click the eye of one."
