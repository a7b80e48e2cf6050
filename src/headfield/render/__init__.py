"""From rays to pixels: where rays meet a signed distance function, how that moves with the field, what views show."""
