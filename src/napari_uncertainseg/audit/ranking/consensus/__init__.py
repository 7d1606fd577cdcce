"""One ranking of several: the models over the tasks of a metric, or over all metrics and tasks."""
