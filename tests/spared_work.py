"""What each window makes anew though it is the same each time: made once for all windows of a process.

Some six hundred tests open a window, and a tenth of the time of each went into reading the same shaders,
looking through the installed packages for plugins, drawing the same letters, and asking the same functions
what they take. Nothing of a window is kept: only texts, flags and arrays that are copied into it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any


def spare() -> None:
    """Remember from now on what windows make again."""
    _shaders()
    _plugins()
    _letters()
    _callbacks()
    _settings()
    _rectangles()


class _EachOnce:
    """In place of the module ``re``: what is found in a text is remembered, for the same text comes again."""

    def __init__(self) -> None:
        self.sub = lru_cache(maxsize=4096)(re.sub)
        self._matches = lru_cache(maxsize=32768)(lambda pattern, text: tuple(re.finditer(pattern, text)))

    def finditer(self, pattern: Any, text: str) -> Iterator[Any]:
        return iter(self._matches(pattern, text))

    def __getattr__(self, name: str) -> Any:
        return getattr(re, name)


def _shaders() -> None:
    """vispy reads each shader anew, which takes a tenth of the time of a test, and shifts its lines."""
    import vispy.gloo.glir
    import vispy.gloo.program
    from vispy.visuals.shaders.function import Function

    vispy.gloo.program.re = _EachOnce()
    shifted = lru_cache(maxsize=4096)(lambda code, clean=Function._clean_code: clean(None, code))
    Function._clean_code = lambda self, code: shifted(code)
    vispy.gloo.glir.convert_shader = lru_cache(maxsize=4096)(vispy.gloo.glir.convert_shader)


def _plugins() -> None:
    """napari looks through all installed packages; none comes or goes while tests run."""
    from npe2 import PluginManifest

    look, found = PluginManifest.discover, []

    def discover(cls: type, paths: Any = ()) -> Iterator[Any]:
        if paths:
            return look(paths)
        if not found:
            found.extend(look())
        return iter(found)

    PluginManifest.discover = classmethod(discover)


def _letters() -> None:
    """vispy works out how far each pixel of a letter lies from its edge."""
    from vispy.visuals.text.text import SDFRendererCPU

    draw, drawn = SDFRendererCPU.render_to_texture, {}

    def render_to_texture(self: Any, data: Any, texture: Any, offset: Any, size: Any) -> None:
        key = data.tobytes(), data.shape, size
        if key not in drawn:
            kept = _Texture()
            draw(self, data, kept, (0, 0), size)
            drawn[key] = kept.pixels
        (left, top), (width, height) = offset, size
        texture[top : top + height, left : left + width, :] = drawn[key]

    SDFRendererCPU.render_to_texture = render_to_texture


class _Texture:
    """Takes what is drawn into a texture."""

    pixels: Any = None

    def __setitem__(self, where: Any, pixels: Any) -> None:
        self.pixels = pixels


def _callbacks() -> None:
    """napari looks at the signature of each function that is connected, which its code tells."""
    from napari.utils.events import EventEmitter

    look, told = EventEmitter._check_signature, {}

    def check(callback: Callable[..., Any]) -> bool:
        function = getattr(callback, "__func__", callback)
        if not inspect.isfunction(function) or function.__dict__:  # __wrapped__, __signature__
            return look(callback)
        key = function.__code__, inspect.ismethod(callback)
        if key not in told:
            told[key] = look(callback)
        return told[key]

    EventEmitter._check_signature = staticmethod(check)


def _settings() -> None:
    """napari writes all its settings to a file twenty times for each window; no window reads it again."""
    from napari.settings._base import EventedConfigFileSettings

    EventedConfigFileSettings._maybe_save = lambda self: None


def _rectangles() -> None:
    """vispy works out the corners of each box of a text three times at each drawing."""
    from vispy.visuals import RectangleVisual

    make = lru_cache(maxsize=256)(RectangleVisual._generate_vertices)

    def generate(center: Any, radius: Any, height: float, width: float) -> Any:
        told = tuple(tuple(map(float, x)) if hasattr(x, "__len__") else x for x in (center, radius))
        return make(*told, height, width).copy()

    RectangleVisual._generate_vertices = staticmethod(generate)
