"""Sensors: they wait, and ask nothing to be computed."""
