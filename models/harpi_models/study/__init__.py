"""What personalisation buys, shown on public recordings; `harpi-models study`."""
