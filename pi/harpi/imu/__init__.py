"""The sensor path: from the bits on the I2C bus to `Samples` with trustworthy times."""
