"""`python -m harpi` is the command `harpi`."""

from harpi.cli import main

main()
