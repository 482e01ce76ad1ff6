"""Many telegrams: columns for Arrow, and archives of files."""
