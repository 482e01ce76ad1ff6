"""What people have, to octets: hex, captures, streams of frames; what they are, where their layers stand."""
