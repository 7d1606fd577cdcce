"""Whether an attribute, such as the sex or the scanner, can be told from the images, and from where."""
