"""The raster: which neurons of a layer spike when."""
