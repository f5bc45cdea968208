"""What the wearer taught: takes, training, heads and advice."""
