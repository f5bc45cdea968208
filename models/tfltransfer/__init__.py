"""The TensorFlow Lite transfer learning converter of 2019, by its own names.

A thin front of `harpi_models`, so that scripts written for it run. What differs stands in
docs/workshop.md: one file instead of five, pixels 0..255, and any batch and number of classes.
"""
