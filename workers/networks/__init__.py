"""The networks that `lineside train` knows. Needs the extra `train`, but for the catalogue."""
