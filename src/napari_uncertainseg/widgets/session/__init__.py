"""The Session dock: reviews that are kept, resumed, reread and reported."""
