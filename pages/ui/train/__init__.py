"""The Train page: the form of a run, and runs as they go on."""
