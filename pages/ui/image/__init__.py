"""The image to look at: a bundled sample, one's own, and the box within it."""
