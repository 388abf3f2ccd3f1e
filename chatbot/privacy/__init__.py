"""What a model remembers of its training data, measured and reported."""
