"""The commands of `mbus`, one module each; what they share stands in the room around them."""
