"""From `Samples` to windows at the model's rate, and the features of a window."""
