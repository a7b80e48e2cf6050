"""What the methods share: learning shapes from scans, prior files, and fitting heads to views by surface rendering."""
