"""How well `compare` judges: labelled before/after pairs, seeded, and a scorer. `python -m benchmarks.judgement`."""
