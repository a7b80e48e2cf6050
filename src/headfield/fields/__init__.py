"""Neural functions of space and what they are made of: encodings, networks, feature grids, codes, weights on disk."""
