"""Small things an assistant can do beside talking: each a module that recognizes and answers."""
