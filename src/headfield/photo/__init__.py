"""From a photo towards a view: what a network sees in one picture."""
