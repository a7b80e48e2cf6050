"""How close a prediction is to the truth, by the protocols of the published systems."""
