"""Builds harpi's packages for Debian and Raspberry Pi OS: `python -m deb`."""
