"""What the sessions amount to: statistics, learning curves, reports and tables."""
