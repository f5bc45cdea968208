"""The command `harpi`, also as `python -m harpi`: Ctrl-C ends it at any moment, silently."""

import signal

# Importing takes a while, seconds on a Pi Zero. Who interrupts that wants nothing but the end.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from harpi.cli import main

if __name__ == "__main__":
    main()
