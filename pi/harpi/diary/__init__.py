"""The wearer's day: what was done, from when to when, kept on the device."""
