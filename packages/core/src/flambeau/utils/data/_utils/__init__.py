"""The path by which many scripts reach `default_collate`."""

from flambeau.utils.data._utils import collate as collate
