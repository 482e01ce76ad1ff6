"""`mbus explain`: every octet of a telegram with its meaning."""

def command() -> None:
    """x"""
