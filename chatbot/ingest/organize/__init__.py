"""The inbox, the rooms and their exports, merged; what was forgotten stays out."""
