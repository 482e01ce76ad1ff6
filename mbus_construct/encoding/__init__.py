"""Telegrams, or mappings written by hand, to octets."""
