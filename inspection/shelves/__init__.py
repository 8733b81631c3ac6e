"""What ought to stand on a shelf, where the shelf is in a picture, and what is missing from it."""
