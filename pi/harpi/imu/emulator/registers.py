"""The emulator's own reading of the register map (RM-MPU-6000A r4.2).

It is written down apart from the driver's on purpose: a number that one of the two got wrong
shows up as a disagreement, which a shared table would hide.
"""

from __future__ import annotations

from typing import Final

XA_OFFS: Final = 0x06
SELF_TEST_X: Final = 0x0D
XG_OFFS: Final = 0x13
SMPLRT_DIV: Final = 0x19
CONFIG: Final = 0x1A
GYRO_CONFIG: Final = 0x1B
ACCEL_CONFIG: Final = 0x1C
ACCEL_CONFIG2: Final = 0x1D
"""MPU-6500 family only: the accelerometer's own DLPF."""
MOT_THR: Final = 0x1F
MOT_DUR: Final = 0x20
FIFO_EN: Final = 0x23
INT_PIN_CFG: Final = 0x37
INT_ENABLE: Final = 0x38
INT_STATUS: Final = 0x3A
ACCEL_XOUT_H: Final = 0x3B
GYRO_ZOUT_L: Final = 0x48
SIGNAL_PATH_RESET: Final = 0x68
USER_CTRL: Final = 0x6A
PWR_MGMT_1: Final = 0x6B
PWR_MGMT_2: Final = 0x6C
FIFO_COUNT_H: Final = 0x72
FIFO_COUNT_L: Final = 0x73
FIFO_R_W: Final = 0x74
WHO_AM_I: Final = 0x75

DLPF_CFG: Final = 0x07  # CONFIG 2:0
FS_SEL_SHIFT: Final = 3  # GYRO_CONFIG and ACCEL_CONFIG 4:3
ACCEL_HPF: Final = 0x07  # ACCEL_CONFIG 2:0
TEMP_FIFO_EN: Final = 0x80
XG_FIFO_EN: Final = 0x40
YG_FIFO_EN: Final = 0x20
ZG_FIFO_EN: Final = 0x10
ACCEL_FIFO_EN: Final = 0x08
INT_RD_CLEAR: Final = 0x10
MOT_INT: Final = 0x40
FIFO_OFLOW: Final = 0x10
DATA_RDY: Final = 0x01
USER_FIFO_EN: Final = 0x40
USER_FIFO_RESET: Final = 0x04
USER_SIG_COND_RESET: Final = 0x01
USER_RESETS: Final = 0x07  # of FIFO, auxiliary bus and signal paths; they read as 0
SIGNAL_PATHS: Final = 0x07  # SIGNAL_PATH_RESET 2:0
DEVICE_RESET: Final = 0x80
SLEEP: Final = 0x40
CYCLE: Final = 0x20
TEMP_DIS: Final = 0x08
CLKSEL: Final = 0x07
CLKSEL_STOP: Final = 0x07

WRITABLE: Final = frozenset(
    [
        *range(XA_OFFS, XA_OFFS + 6),
        *range(XG_OFFS, XG_OFFS + 6),
        *range(SMPLRT_DIV, 0x39),  # the configuration, the auxiliary bus, the interrupts
        *range(0x63, 0x6D),  # auxiliary bus, resets, motion detection, power
        FIFO_R_W,
    ]
)
"""Registers that keep, or act on, what is written to them; the rest cannot be written."""
