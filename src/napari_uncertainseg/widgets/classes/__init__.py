"""The Classes dock: what a model with several classes says of each."""
