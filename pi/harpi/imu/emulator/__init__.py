"""An MPU-6050 at register level, for the demo, the test bench and the laptop."""
