"""The output of `plan`, a module for each model family."""
