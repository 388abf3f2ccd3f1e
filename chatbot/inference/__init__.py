"""History -> reply."""
