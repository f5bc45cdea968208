"""Registers, bits and scales of the MPU-6050 (InvenSense RM-MPU-6000A r4.2, by page)."""

from __future__ import annotations

from typing import Final

SELF_TEST_X: Final = 0x0D  # p. 9: four registers of the factory's self-test codes
XG_OFFSET_H: Final = 0x13  # r4.0: six registers that are subtracted from the gyroscope
SMPLRT_DIV: Final = 0x19  # p. 11: sample rate = gyro rate / (1 + SMPLRT_DIV)
CONFIG: Final = 0x1A  # p. 13: DLPF_CFG in bits 2:0
GYRO_CONFIG: Final = 0x1B  # p. 14: FS_SEL in bits 4:3
ACCEL_CONFIG: Final = 0x1C  # p. 15: AFS_SEL in bits 4:3
ACCEL_CONFIG_2: Final = 0x1D  # MPU-6500 family only: DLPF of the accelerometer, bits 2:0
MOTION_THRESHOLD: Final = 0x1F  # r4.0, p. 16: MOT_THR
MOTION_DURATION: Final = 0x20  # r4.0, p. 17: MOT_DUR, milliseconds
FIFO_EN: Final = 0x23  # p. 16
INT_ENABLE: Final = 0x38  # p. 27
INT_STATUS: Final = 0x3A  # p. 28: cleared by reading
ACCEL_XOUT_H: Final = 0x3B  # p. 29: fourteen bytes, accel, temperature, gyro
TEMP_OUT_H: Final = 0x41  # p. 30
USER_CTRL: Final = 0x6A  # p. 38
PWR_MGMT_1: Final = 0x6B  # p. 40
PWR_MGMT_2: Final = 0x6C  # p. 42
FIFO_COUNT_H: Final = 0x72  # p. 43: reading it latches both bytes
FIFO_R_W: Final = 0x74  # p. 44: reading it pops the FIFO
WHO_AM_I: Final = 0x75  # p. 45

# FIFO_EN
FIFO_TEMPERATURE: Final = 0x80
FIFO_MOTION: Final = 0x78  # XG, YG, ZG and ACCEL: frames of 12 bytes

# ACCEL_CONFIG
HIGH_PASS_HOLD: Final = 0x07  # r4.0, p. 15: ACCEL_HPF holds the sample at which it is set

MOTION_G_PER_LSB: Final = 0.002

# INT_ENABLE, INT_STATUS
MOTION: Final = 0x40
FIFO_OVERFLOW: Final = 0x10
DATA_READY: Final = 0x01

# USER_CTRL
USER_FIFO_ENABLE: Final = 0x40
USER_FIFO_RESET: Final = 0x04  # works while USER_FIFO_ENABLE is 0

# PWR_MGMT_1
DEVICE_RESET: Final = 0x80
SLEEP: Final = 0x40
CYCLE: Final = 0x20
CLOCK_PLL_X_GYRO: Final = 0x01

# PWR_MGMT_2
WAKE_5_HZ: Final = 0x40
STANDBY_GYRO: Final = 0x07

# GYRO_CONFIG, ACCEL_CONFIG: the self-test of x, y and z
SELF_TEST: Final = 0xE0

RANGE_SHIFT: Final = 3
RANGE_MASK: Final = 0x18

ACCEL_LSB_PER_G: Final = {2: 16384.0, 4: 8192.0, 8: 4096.0, 16: 2048.0}
"""By full scale in g, in the order of AFS_SEL (p. 15)."""

GYRO_LSB_PER_DEG_S: Final = {250: 131.0, 500: 65.5, 1000: 32.8, 2000: 16.4}
"""By full scale in deg/s, in the order of FS_SEL (p. 14)."""

DLPF_BANDWIDTH: Final = (260, 188, 98, 44, 21, 10, 5)
"""Hz by DLPF_CFG, the wider of accelerometer and gyroscope (p. 13)."""

BASE_RATE: Final = 1000
"""Gyro output rate in Hz with DLPF_CFG 1 to 6 (p. 11)."""

UNFILTERED_BASE_RATE: Final = 8000
"""Gyro output rate in Hz with DLPF_CFG 0 (p. 11)."""
