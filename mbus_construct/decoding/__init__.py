"""Octets to telegrams: by the grammar (`reference`), or by plans derived from it that give the same."""
