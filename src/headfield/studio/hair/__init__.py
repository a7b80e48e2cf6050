"""Hair: styles, strands, and the watertight hulls they are seen and scanned as."""
