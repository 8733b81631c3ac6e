"""Whether a camera's pictures and a model's answers look as they did when all was well.

Pure functions on arrays: figures of one picture (`picture`), dirt that stays at its place
(`dirt`), two samples held against each other (`drift`), and all of it as one check (`check`).
"""
