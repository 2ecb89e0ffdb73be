"""Measurements of this machine: `python -m snnpar bench`, and doctor, whether it is fit.

training: steps and their memory, recording, drawing, a page; api: a server; decoding: images. table: README's table
of models.
"""
