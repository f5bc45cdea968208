"""The doors through which commands come in and lights answer: buttons, LEDs, the socket."""
