"""Ablations: tables of ordinary runs, trained one after the other and restartable run by run."""
