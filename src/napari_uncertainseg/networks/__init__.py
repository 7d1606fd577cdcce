"""Networks and where they are found."""
