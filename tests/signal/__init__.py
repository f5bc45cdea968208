# noqa: A005 - the tests mirror the modules, and this one is harpi.signal
