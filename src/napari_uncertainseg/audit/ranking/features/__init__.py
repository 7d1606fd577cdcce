"""Features of the cases that are ranked: from a table, from lesions that were measured, or from results."""
