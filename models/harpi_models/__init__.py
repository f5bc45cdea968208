"""The workshop: converts, trains and measures models; runs on a workstation."""
