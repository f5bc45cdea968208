"""Figures that tell how right each recogniser is."""
