"""The Cohort dock: many cases, one after the other."""
