"""The takes: what the wearer recorded, kept in one SQLite file."""
