"""What was segmented, against references and raters: one case, or many."""
