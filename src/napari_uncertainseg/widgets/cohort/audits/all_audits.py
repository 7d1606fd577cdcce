"""The tabs with audits, in their order. Another audit is a description, and one more entry here."""

from __future__ import annotations

from napari_uncertainseg.widgets.cohort.audits.challenge import CHALLENGE
from napari_uncertainseg.widgets.cohort.audits.description import Audit
from napari_uncertainseg.widgets.cohort.audits.ranking import RANKING
from napari_uncertainseg.widgets.cohort.audits.stability import STABILITY

AUDITS: tuple[Audit, ...] = (RANKING, STABILITY, CHALLENGE)
