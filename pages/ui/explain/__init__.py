"""The Explain page: heatmaps of every method, the ledger, occlusion by a slider."""
