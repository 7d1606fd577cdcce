"""Areas under the curve, of patients who were left out, and their tests and intervals: numbers only."""
