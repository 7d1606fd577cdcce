"""The Cohort dock: reviewing many cases, one after the other."""
