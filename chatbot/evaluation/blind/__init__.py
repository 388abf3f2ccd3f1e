"""The blind test: held-out replies, real or generated, that a friend tells apart."""
