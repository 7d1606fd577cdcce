"""A black canvas while a scan is shown, whatever the theme: white around a dark scan dazzles the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

if TYPE_CHECKING:
    from napari.components import ViewerModel

BLACK = (0.0, 0.0, 0.0, 1.0)


class BlackGround:
    """Makes the canvas of a viewer black while it has an image; a colour that the user has set stays.

    Parameters
    ----------
    viewer
        Whose canvas.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer, self._ours = viewer, False
        for emitter in (viewer.layers.events.inserted, viewer.layers.events.removed):
            emitter.connect(self.follow)
        self.follow()

    def follow(self, event: object = None) -> None:
        """Make it black, or as the theme has it, by what is in the viewer."""
        wanted = any(isinstance(layer, Image) for layer in self._viewer.layers)
        canvas = self._viewer.canvas
        if wanted and canvas.background_color_override is None:
            canvas.background_color_override, self._ours = BLACK, True
        elif not wanted:
            self._put_back()

    def _put_back(self) -> None:
        canvas, ours, self._ours = self._viewer.canvas, self._ours, False
        now = canvas.background_color_override
        if ours and now is not None and tuple(now) == BLACK:
            canvas.background_color_override = None

    def cleanup(self) -> None:
        """Show the theme's colour again. May be called twice."""
        for emitter in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            emitter.disconnect(self.follow)
        self._put_back()
