"""One mask of what two or three readers said of the same case."""
