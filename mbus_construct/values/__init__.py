"""One record: raw to value, value to raw, what a VIB means to a consumer, and which VIB says a quantity."""
