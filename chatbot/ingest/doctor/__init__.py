"""Exports of any state -> what each is, what is wrong with it, and whether it is enough."""
