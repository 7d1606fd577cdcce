"""The Raters dock: how several experts agree."""
