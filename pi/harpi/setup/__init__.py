"""Getting a Raspberry Pi ready for harpi, and back to what it was."""
