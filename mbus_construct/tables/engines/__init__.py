"""Polars and Spark on top of the tables; each imports its engine, and says what to install without it."""
