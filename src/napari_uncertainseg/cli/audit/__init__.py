"""Commands that say whether a group may trust a model."""
