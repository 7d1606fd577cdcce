"""Which of the lesions found are real, told by features: fitted, checked, kept and applied."""
