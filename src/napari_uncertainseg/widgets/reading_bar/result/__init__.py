"""The result of a review: a panel at the end, and what it is exported as."""
