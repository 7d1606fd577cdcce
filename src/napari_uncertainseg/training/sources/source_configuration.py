"""The table of a training file that says where patients come from, and what such tables are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from napari_uncertainseg.disk.validation import Strict
from napari_uncertainseg.networks.model import NAME


class Table(Strict):
    """A slip in a key's name would train something else: keys that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


Texts = Annotated[tuple[str, ...], Field(strict=False, description="a list of texts")]


def _visits(entry: object) -> object:
    """A patient of one visit may be written as a text."""
    return (entry,) if isinstance(entry, str) else entry


def _plain(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError("should be a plain name, like 'my-study'")
    return name


_Name = Annotated[str, AfterValidator(_plain), Field(description="a plain name, like 'my-study'")]
_Visits = Annotated[
    tuple[str, ...],
    BeforeValidator(_visits),
    Field(min_length=1, strict=False, description="a text, or a list of texts"),
]


class SourceConfiguration(Table):
    """Patients of one study, scanned and outlined in one way: a table ``[[data.sources]]``.

    Attributes
    ----------
    name
        Of the source.
    subjects
        One entry for each patient: what comes before `flair`, `t1`, `t2` and `lesion` in the names of the
        files, such as ``"patient07/"``. Several visits of one patient are a list of such texts; together
        they are drawn as often as another patient's one visit. The scans may have any voxel size and may
        still show the skull. A brain mask is read where there is a file `brainmask`.
    style
        How its experts outline: sources of one style share a group of heads. The source's name if None.
    group
        Sources of one group, such as one hospital, are left out together. The source's name if None.
    ignore
        What the name of a mask begins with that says where nobody knows whether it is lesion; None if there
        is none.
    brain_masks
        Whether to use the brain masks beside the scans. Where they are bad, the brain is found instead.
    masks
        Which of the masks that are planted are of this source's patients: they are not planted where it
        is left out.
    """

    name: _Name
    subjects: tuple[_Visits, ...] = Field(
        min_length=1, strict=False, description="a list of one patient or more"
    )
    style: _Name | None = None
    group: _Name | None = None
    ignore: str | None = Field(default=None, description="text")
    brain_masks: bool = Field(default=True, description="true or false")
    masks: Texts = ()

    @property
    def visits(self) -> tuple[str, ...]:
        """All visits of all patients."""
        return tuple(visit for patient in self.subjects for visit in patient)

    @property
    def style_name(self) -> str:
        """Its style's name."""
        return self.style or self.name

    @property
    def group_name(self) -> str:
        """Its group's name."""
        return self.group or self.name
