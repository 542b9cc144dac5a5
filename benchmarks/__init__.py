"""What it costs: the measurements of `make bench`. Every figure is a ratio, or a difference, measured in one run."""
