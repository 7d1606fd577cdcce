"""The result of a review: what was counted, what was changed, how long it took, and what doubt is left."""
