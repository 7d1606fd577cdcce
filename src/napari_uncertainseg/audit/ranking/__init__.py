"""Ranking of models over cases, as challengeR ranks algorithms, and how stable the ranks are."""
