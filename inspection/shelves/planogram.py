"""The recipe of a drawn shelf: its positions are those of the scene, with made-up prices."""

import zlib

from inspection.drawing.shelves import ShelfScene
from inspection.recipe import DiscrepancyPolicy, FramePolicy, Position, Recipe


def recipe_of_scene(
    scene: ShelfScene, name: str, model: str = "shelf-starter", description: str = ""
) -> Recipe:
    """A recipe that expects every facing of the scene, and calls a half-empty position low."""
    return Recipe(
        name=name,
        model=model,
        description=description,
        positions=positions_of(scene),
        # A shelf looks much the same a second later: only the newest frame counts.
        frames=FramePolicy(policy="latest", max_waiting=8),
        discrepancies=DiscrepancyPolicy(open_after=2, resolve_after=2),
    )


def positions_of(scene: ShelfScene) -> list[Position]:
    """The scene's places as fractions of its image, rounded to a thousandth."""
    width, height = scene.size_wh
    positions = []
    for place in scene.positions:
        x0, y0, x1, y1 = place.region_xyxy
        # Items stand a little off their place, and their centres are what is counted.
        margin = 0.1 * (x1 - x0) / place.facings
        box = ((x0 - margin) / width, y0 / height, (x1 + margin) / width, y1 / height)
        # Not random, so that the shipped recipe does not change from one run to the next.
        luck = zlib.crc32(place.product.encode())
        positions.append(
            Position(
                name=place.name,
                fixture=f"board {place.name[0]}",
                product=f"{place.product.replace('-', ' ').capitalize()} (sample)",
                box=tuple(round(min(max(edge, 0.0), 1.0), 3) for edge in box),
                facings=place.facings,
                min_facings=(place.facings + 1) // 2,
                price=round(0.79 + luck % 500 / 100, 2),
                rate_per_hour=round(0.5 + luck // 500 % 60 / 10, 1),
            )
        )
    return positions
