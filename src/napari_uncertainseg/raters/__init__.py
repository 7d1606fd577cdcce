"""Several experts: consensus, disagreement, simulation."""
