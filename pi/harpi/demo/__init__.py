"""`harpi demo`: the whole of harpi on one computer, without a Pi, a sensor or root."""
