"""What is given away and kept: cards of checkpoints, evidence of a view, copies on the Hub.

card: README of a checkpoint, and copies without paths of this machine. push: to the Hub; pretrained: snnpar.load and
from_pretrained. collection: all checkpoints on this machine, who taught whom. evidence: what a view shows.
"""
