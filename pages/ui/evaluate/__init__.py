"""The Evaluate page: evaluations and what they found, starred images, near duplicates."""
