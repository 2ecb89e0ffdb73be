"""One image: decoded, resized, and the part of it that is looked at.

pixels: bytes to RGB, resized and normalised as for training; containers: what no camera writes, refused before a
decoder sees it; decoder: strangers' images, in a process of its own. boxes: a part of an image. geometry: where in an
image a model's tokens look.
"""

from snnpar.images.pixels import ImageError, open_rgb, resize

__all__ = ["ImageError", "open_rgb", "resize"]
