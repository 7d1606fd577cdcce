"""The words of the commands that say whether a group may trust a model."""
