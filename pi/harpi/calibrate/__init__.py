"""Calibrating the sensor: its zero, its scale, and how it sits on the limb."""
