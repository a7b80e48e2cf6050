"""Subjects on disk: the native store and the importers."""
