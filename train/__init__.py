"""Training backend: `python -m train`. Pages start it as a process and meet it only on disk."""
