"""Telegrams in the XML of libmbus."""
