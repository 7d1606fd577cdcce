"""``python -m napari_uncertainseg.cli``."""

import sys

from napari_uncertainseg.cli import main

sys.exit(main())
