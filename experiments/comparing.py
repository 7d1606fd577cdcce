"""What the experiments share: training a small network, intervals, tests, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from scipy.stats import wilcoxon
from torch import Tensor, nn

RESAMPLED = 2000


def fit(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, ...]],
    loss: Callable[..., Tensor],
    *,
    steps: int,
    learning_rate: float = 2e-3,
) -> None:
    """Train with AdamW and a cosine to 0; `loss` takes the network and what a batch holds."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learning_rate, total_steps=steps, pct_start=0.15
    )
    network.train()
    for batch in batches:
        optimiser.zero_grad(set_to_none=True)
        value = loss(network, *batch)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    network.eval()


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Mean and 95 % interval from drawing cases anew; NaN values do not count."""
    kept = np.asarray(values, float)
    kept = kept[np.isfinite(kept)]
    if not len(kept):
        return float("nan"), float("nan"), float("nan")
    drawn = np.random.default_rng(seed).choice(kept, (RESAMPLED, len(kept))).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(kept.mean()), float(low), float(high)


def statistic_interval(
    statistic: Callable[[np.ndarray], float], cases: int, seed: int = 0
) -> tuple[float, float, float]:
    """A statistic of the cases with these numbers, and its 95 % interval from drawing cases anew."""
    rng = np.random.default_rng(seed)
    drawn = np.array([statistic(rng.integers(cases, size=cases)) for _ in range(RESAMPLED)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return float(statistic(np.arange(cases))), float(low), float(high)


def paired_p(values: Sequence[float], base: Sequence[float]) -> float:
    """Wilcoxon's signed-rank test over cases; 1 where nothing differs."""
    difference = np.asarray(values, float) - np.asarray(base, float)
    difference = difference[np.isfinite(difference)]
    if not difference.any():
        return 1.0
    return float(wilcoxon(difference).pvalue)


def with_interval(found: tuple[float, float, float], digits: int = 3) -> str:
    """``0.123 (0.100 to 0.150)``."""
    mean, low, high = (f"{x:.{digits}f}" for x in found)
    return f"{mean} ({low} to {high})"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
