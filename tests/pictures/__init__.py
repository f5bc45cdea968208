"""Pictures in the README and the docs, made from the real thing: `python -m tests.pictures`."""
