"""The one engine that learns priors and fits heads: stages as data, Adam, guards, checkpoints, several processes."""
