"""The tabs with audits, in their order. Another audit is a description, and one more entry here."""

from __future__ import annotations

from napari_uncertainseg.widgets.cohort.audits.attributes import ATTRIBUTES
from napari_uncertainseg.widgets.cohort.audits.challenge import CHALLENGE
from napari_uncertainseg.widgets.cohort.audits.description import Audit
from napari_uncertainseg.widgets.cohort.audits.groups import GROUPS
from napari_uncertainseg.widgets.cohort.audits.patients import PATIENTS
from napari_uncertainseg.widgets.cohort.audits.ranking import RANKING
from napari_uncertainseg.widgets.cohort.audits.stability import STABILITY

AUDITS: tuple[Audit, ...] = (RANKING, GROUPS, ATTRIBUTES, STABILITY, PATIENTS, CHALLENGE)
