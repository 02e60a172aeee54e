"""Helpers around training: `utils.data` (datasets and loaders), `utils.download` (files from the net)."""
