"""What a group has to know before it trusts a model: which model is best, and how sure that is."""
