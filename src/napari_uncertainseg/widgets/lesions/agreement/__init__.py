"""The line that says how the lesions agree with a reference, and the list of those that were missed."""
