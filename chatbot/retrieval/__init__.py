"""The nearest of one's own texts: an index on disk, grounded answers and their warranty."""
