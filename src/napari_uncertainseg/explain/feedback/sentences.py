"""What readers ticked beside the model's doubt, in plain sentences."""

from __future__ import annotations

import pandas as pd

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.explain.drivers.definitions import driver_of
from napari_uncertainseg.explain.feedback.answers import ANY
from napari_uncertainseg.explain.feedback.comparison import (
    DOUBT,
    FEWEST_CASES,
    FEWEST_LESIONS,
    SURENESS,
    Comparison,
)

_TOO_FEW = (
    "Too little was ticked to test anything: the counts are shown. A relation is tested where at least "
    f"{FEWEST_LESIONS} lesions have a tick and {FEWEST_LESIONS} have not, in at least {FEWEST_CASES} cases "
    "that have both."
)
_NO_EVIDENCE = (
    "There is no evidence that what the readers ticked goes with the model's doubt. This does not show that "
    "it does not."
)


def summary_of(found: Comparison) -> str:
    """What was ticked, and of what."""
    table, answers = found.answers.table, found.answers
    said = (
        f"{_counted(table['reader'], 'reader')} ticked at least one reason on {int(table[ANY].sum())} of "
        f"{pluralised(len(table), 'lesion')} in {_counted(table['reading'], 'reading')} of "
        f"{_counted(table['case'], 'case')}, and said of {int(table[SURENESS].notna().sum())} how sure they "
        "were."
    )
    left_out = [
        (answers.silent, "reading", " in which nothing was ticked (nobody knows whether it was easy)"),
        (found.without_doubt, "lesion", " whose doubt is not known"),
        (answers.candidates, "candidate", " with a tick"),
    ]
    names = [pluralised(n, noun) + rest for n, noun, rest in left_out if n]
    return f"{said} Not compared: {'; '.join(names)}." if names else said


def conclusion_of(found: Comparison) -> str:
    """Whether what readers ticked goes with the model's doubt."""
    if not found.tests:
        return _TOO_FEW
    about_doubt = found.relations[found.relations["measure"] == DOUBT]
    said = [_of_doubt(row) for _, row in about_doubt[about_doubt["finding"]].iterrows()] or [_NO_EVIDENCE]
    tested = f"{found.tests} {'relation was' if found.tests == 1 else 'relations were'} tested"
    return " ".join([*said, f"{tested}; by chance alone, about 5 of 100 such reports have a finding."])


def same_reasons(found: Comparison) -> str:
    """Whether readers and model doubt for the same reasons; "" where no driver could be tested."""
    rows = found.relations[(found.relations["measure"] != DOUBT) & found.relations["p"].notna()]
    if not len(rows):
        return ""
    # By what the lesions are, such as "small": whether the model doubts them, too.
    same: dict[str, bool] = {}
    for _, row in rows[rows["finding"]].iterrows():
        model = found.model.loc[row["measure"]]
        if model["low"] > 0 or model["high"] < 0:
            same[_words(row)] = bool(model["value"] * row["value"] > 0)
    shared, apart = (
        [words for words, is_same in same.items() if is_same is which] for which in (True, False)
    )
    said = []
    if shared:
        said.append(f"Readers and the model doubt for the same reasons: lesions that are {_list(shared)}.")
    if apart:
        said.append(f"Readers find it hard when lesions are {_list(apart)}; the model doubts the others.")
    none = f"Of {_counted(rows['measure'], 'driver')} of doubt that could be tested, none is shown to go with"
    return " ".join(said) or f"{none} both the readers' ticks and the model's doubt."


def _counted(column: pd.Series, noun: str) -> str:
    return pluralised(int(column.nunique()), noun)


def _of_doubt(row: pd.Series) -> str:
    more = row["value"] > 0
    if row["tick"] == SURENESS:
        numbers = f"Spearman {row['value']:.2f}, 95 % interval {row['low']:.2f} to {row['high']:.2f}"
        return f"The {'surer' if more else 'less sure'} readers were, the more the model doubted ({numbers})."
    what = "any reason" if row["tick"] == ANY else f"'{row['tick']}'"
    share, low, high = (50 * (1 + row[name]) for name in ("value", "low", "high"))
    return (
        f"Lesions with {what} ticked have {'more' if more else 'less'} doubt than others of the reading: "
        f"the larger doubt in {share:.0f} of 100 pairs (95 % interval {low:.0f} to {high:.0f})."
    )


def _words(row: pd.Series) -> str:
    driver = driver_of(str(row["measure"]))
    return driver.high if row["value"] > 0 else driver.low


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
