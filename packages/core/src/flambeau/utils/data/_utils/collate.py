"""`flambeau.utils.data.default_collate` and its kin under the path by which many scripts import them."""

from flambeau.utils.data.collate import collate, default_collate, default_collate_fn_map, default_convert

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]
