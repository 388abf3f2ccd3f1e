"""How good a model is: baselines to compare with."""
