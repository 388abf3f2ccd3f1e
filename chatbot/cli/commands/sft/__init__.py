"""Commands that do something else for a pretrained base."""
