"""Personal data and names of speakers, replaced before anything is trained."""
