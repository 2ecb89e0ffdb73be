"""Two evaluations of the same images against each other: what the second reaches beyond the first, with intervals."""

from __future__ import annotations

from dataclasses import asdict

from snnpar.evaluation.evaluations import Evaluation
from snnpar.evaluation.predictions import EvaluationError
from snnpar.metrics.bootstrap import RESAMPLES, SEED, paired_bootstrap
from snnpar.metrics.defaults import CONVENTION
from snnpar.metrics.pedestrian import supported, without_positives
from snnpar.metrics.report import duplicates_words, interval_method, leave_out, unknown_words


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    convention: str = CONVENTION,
    leave_out_duplicates: bool = False,
    ignore_unknown: bool = False,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict:
    """Paired bootstrap of two evaluations of the same images on the attributes both have: second minus first.

    leave_out_duplicates: without the near duplicates of training images. Raises SnnparError when these are not known.
    """
    pair = [evaluation.predictions() for evaluation in (first, second)]
    if pair[0].files != pair[1].files:
        raise EvaluationError(f"{first.name} and {second.name} are of other images; evaluate both on the same")
    shared = [name for name in pair[0].attributes if name in pair[1].attributes]
    if not shared:
        raise EvaluationError(f"{first.name} and {second.name} share no attribute")
    columns = [[one.attributes.index(name) for name in shared] for one in pair]
    truth = pair[0].truth[:, columns[0]]
    probs = [one.probs[-1][:, kept] for one, kept in zip(pair, columns, strict=True)]
    info, groups = first.info(), pair[0].groups
    if leave_out_duplicates:
        info, kept = leave_out(info), pair[0].new  # leave_out has refused where these are not known
        assert kept is not None and groups is not None
        truth, groups, probs = truth[kept], groups[kept], [one[kept] for one in probs]
    left_out = {"left_out": info["near_duplicates"]["images"]} if leave_out_duplicates else {}
    return {
        "data": info["provenance"]["data"]["title"],
        "n": info["n"],
        "attributes": len(shared),
        "unreadable_left_out": info["provenance"]["data"].get("unreadable_left_out", []),
        "near_duplicates": duplicates_words(info),
        **left_out,
        "interval": {**interval_method(len(truth), groups), "resamples": resamples, "seed": seed},
        "without_positives": list(without_positives(truth, tuple(shared))),
        "supported_attributes": int(supported(truth).sum()),
        "convention": f"{convention}, threshold {info['metrics'][convention]['threshold']}",
        "unknown_labels": unknown_words(truth, tuple(shared), convention, ignore_unknown),
        "second_minus_first": [
            asdict(row)
            for row in paired_bootstrap(
                truth,
                *probs,
                convention=convention,
                groups=groups,
                ignore_unknown=ignore_unknown,
                resamples=resamples,
                seed=seed,
            )
        ],
    }
