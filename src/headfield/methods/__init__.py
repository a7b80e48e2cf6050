"""One file a published system, readable beside its paper; one file a baseline."""
