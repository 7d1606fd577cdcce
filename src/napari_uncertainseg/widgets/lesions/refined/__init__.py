"""The refined p of the Lesions dock: which lesions are probably real, by the user's own refinement."""
