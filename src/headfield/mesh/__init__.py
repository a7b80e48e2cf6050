"""What is done to surfaces: extraction, repair, distances, alignment, file formats."""
