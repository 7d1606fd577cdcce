"""The figures of an exercise that docks show, with what they mean."""

from __future__ import annotations

SCORES = {
    "right": "Share of answers that are right.",
    "d'": "How well lesions are told from others: 0 is chance, 3 nearly perfect.",
    "criterion": "Above 0 you are slow to call a lesion, below 0 quick.",
    "Brier": "Mean squared difference of the stated probability from the truth: 0 is best, 0.25 a coin's.",
    "missed": "Lesions that you did not call lesions.",
    "invented": "Others that you called lesions.",
}
"""What is shown of a score, and what it means."""
