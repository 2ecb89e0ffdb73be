"""The Compare page: headline, rows, heatmaps, the evidence card."""
