"""What several docks use: forms, tables, plots, dialogs, jobs, the session file."""
