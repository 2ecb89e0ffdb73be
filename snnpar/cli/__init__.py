"""The commands of `python -m snnpar`, one file each, but for those that lie with what they serve."""
