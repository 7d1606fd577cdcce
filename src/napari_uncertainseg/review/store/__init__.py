"""Sessions that lose nothing: projects, cases, annotators, tasks, verdicts, and the journal of it all."""
