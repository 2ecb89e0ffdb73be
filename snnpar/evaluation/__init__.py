"""Checkpoints on labelled images: answers kept, scored and compared.

slices: which images. evaluate: one checkpoint; batch: several as one job; work: what that process does; batching: how
many images at once. evaluations: the folders they become; comparison: of two, paired. overlap: near duplicates of
training images. scores: what is known of how good a checkpoint is.
"""

from snnpar.core.lazy import exports

__getattr__ = exports(
    __name__,
    comparison=("compare",),
    evaluate=("evaluate_checkpoint",),
    evaluations=("Evaluation",),
    slices=("DataChoice",),
)
