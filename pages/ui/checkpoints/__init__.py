"""The Checkpoints page: those at hand, one of them in detail, the Hub."""
