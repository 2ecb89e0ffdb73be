"""The Energy page: assumptions, totals, layers, the budget of spikes."""
