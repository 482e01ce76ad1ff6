"""Telegrams, or mappings written by hand, to octets; and mappings to telegrams."""

from . import restored as restored  # it makes `Telegram.from_dict` work
