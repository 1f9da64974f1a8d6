"""Configurations of `accelerate launch`, by the names that `trl-scpo --accelerate_config` takes."""
