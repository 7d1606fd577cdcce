"""``uncertainseg bench``."""

from __future__ import annotations

from argparse import Namespace


def bench(options: Namespace) -> None:
    """Measure this machine."""
    from napari_uncertainseg import bench as benchmark

    benchmark.main(options.arguments)
