"""Kemeny's order: the one that turns round the fewest pairs of the orders in the tasks. Exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_MODELS = 10
"""All subsets of the models are gone through, and so much for each of hundreds of draws."""
_AT_ONCE = 2**20
"""Numbers of one kind that are held: subsets times draws."""


@dataclass(frozen=True, eq=False)
class KemenyOrders:
    """The orders of the models that are nearest to those of the tasks, for each draw.

    Attributes
    ----------
    distance
        Of the best orders: weight of the pairs that they turn round; pairs that are equal in a task count
        half, in whatever order; float64 (draws,).
    number
        Of best orders, float64 (draws,), whole.
    mean
        Mean place of each model in these, float64 (models, draws); 1 is best.
    low, high
        Best and worst place of each model in these, float64 (models, draws).
    """

    distance: np.ndarray
    number: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def kemeny_orders(ranks: np.ndarray, weights: np.ndarray) -> KemenyOrders:
    """Find all orders without ties that are nearest to the rankings of the tasks (Kemeny 1959).

    By dynamic programming over the sets of models that come first: exact, and quick for few models.

    Parameters
    ----------
    ranks
        In each task, float64 (tasks, models, draws); equal ones are ties.
    weights
        Of the tasks, float64 (tasks,), at least 0, one of them above 0.

    Raises
    ------
    ValueError
        If there are more than `MOST_MODELS` models.
    """
    models, draws = ranks.shape[1:]
    if models > MOST_MODELS:
        raise ValueError(f"Kemeny's order is found for at most {MOST_MODELS} models")
    different, back = np.unique(ranks.reshape(-1, draws), axis=1, return_inverse=True)
    different = different.reshape(*ranks.shape[:2], -1)
    step = max(1, _AT_ONCE >> models)
    parts = [_orders(different[..., k : k + step], weights) for k in range(0, different.shape[2], step)]
    whole = [np.concatenate(found, axis=-1)[..., back.ravel()] for found in zip(*parts, strict=True)]
    return KemenyOrders(*whole)


def _orders(ranks: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """As `KemenyOrders` has them, of some draws."""
    _, models, draws = ranks.shape
    first, second = ranks[:, :, None], ranks[:, None]
    price = np.tensordot(weights, (first > second) + 0.5 * (first == second), 1)  # of i before j
    close = 1e-9 * max(float(weights.sum()), 1e-300)
    full = 2**models - 1
    to_here, ways_here = _cheapest(price, close, range(1, full + 1), onward=False)
    from_here, ways_on = _cheapest(price, close, range(full - 1, -1, -1), onward=True)
    best, number = to_here[full], ways_here[full]
    total, low, high = np.zeros((models, draws)), np.full((models, draws), np.inf), np.zeros((models, draws))
    for done in range(full):
        place = done.bit_count() + 1
        for model in range(models):
            if not done >> model & 1:
                after = done | 1 << model
                there = to_here[done] + _added(price, done, model) + from_here[after] <= best + close
                total[model] += place * np.where(there, ways_here[done] * ways_on[after], 0.0)
                low[model] = np.where(there, np.minimum(low[model], place), low[model])
                high[model] = np.where(there, place, high[model])
    return best, number, total / number, low, high


def _cheapest(price: np.ndarray, close: float, sets: range, *, onward: bool) -> tuple[np.ndarray, np.ndarray]:
    """Lowest price to put the models of each set first, or onward the others last; and in how many ways.

    Both float64 (sets, draws). A set is a number whose bits are its models.
    """
    models, _, draws = price.shape
    lowest, ways = np.zeros((2**models, draws)), np.ones((2**models, draws))
    for now in sets:
        options = []
        for model in range(models):
            if (now >> model & 1) == (not onward):
                other = now ^ 1 << model
                more = _added(price, now & other, model)
                options.append((lowest[other] + more, ways[other]))
        values = np.stack([value for value, _ in options])
        lowest[now] = values.min(0)
        there = values <= lowest[now] + close
        ways[now] = np.where(there, np.stack([often for _, often in options]), 0.0).sum(0)
    return lowest, ways


def _added(price: np.ndarray, done: int, model: int) -> np.ndarray:
    """What it costs to put a model right after a set of others, float64 (draws,)."""
    before = [other for other in range(len(price)) if done >> other & 1]
    return np.asarray(price[before, model].sum(0))
