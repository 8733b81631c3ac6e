"""Images that the project draws itself: inspected surfaces with defects, shelves with items.

Everything is drawn from a numpy Generator, so the same seed gives the same image. Sizes that a
docstring gives in px hold for an image whose longer side is 512 px and grow with that side.
"""
