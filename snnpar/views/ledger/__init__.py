"""The ledger: a logit as an exact sum over spikes."""
