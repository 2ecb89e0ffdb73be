"""How good answers are: pure functions of labels and probabilities.

pedestrian: the five metrics, both conventions. bootstrap: intervals, paired and not. outcomes: who is right where, and
what more timesteps change. gain: over step 0. report: what an evaluation says. published: what the literature reports;
defaults: with which convention and threshold every face begins.
"""

from snnpar.metrics.pedestrian import pedestrian_metrics

__all__ = ["pedestrian_metrics"]
