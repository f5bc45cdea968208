"""harpi: activity recognition that learns its wearer, on a Raspberry Pi with an MPU-6050."""

__version__ = "0.1.0"
