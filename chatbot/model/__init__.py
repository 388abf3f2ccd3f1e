"""Networks, their saved form, and the device they run on."""
