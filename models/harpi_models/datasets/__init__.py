"""Public recordings to train and measure on: readers, one label set, one rate."""
