"""Recipes written out as YAML: one that stands in memory, and a first one for a model."""

from collections.abc import Sequence

import yaml

from inspection.recipe import Recipe

_SHELF_CLASS = "item"


class _Dumper(yaml.SafeDumper):
    """Lists of mappings get a line for each item, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def as_yaml(recipe: Recipe, comment: str = "") -> str:
    """A recipe as YAML that reads back as the same; what is a default is left out."""
    body = recipe.model_dump(mode="json", exclude_defaults=True)
    text = yaml.dump(
        body,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + text


def example_for(model: str, classes: Sequence[str], name: str = "my-recipe") -> str:
    """A recipe to begin with for a model of these classes, with comments that explain it."""
    lines = [
        "# Check this file with `lineside recipe check FILE`, try it with",
        "# `lineside inspect IMAGE --recipe FILE`.",
        f"name: {name}",
        f"model: {model}",
        "description: What this inspects, in a line.",
        "",
    ]
    if _SHELF_CLASS in classes:
        lines += _SHELF
    defects = [name for name in classes if name != _SHELF_CLASS]
    if defects:
        lines += _CLASSES_HEAD
        for name in defects:
            lines += [f"  {name}:", "    limits:", "      length_px: {warn: 30, fail: 80}"]
        lines += [""]
    return "\n".join([*lines, *_REST]) + "\n"


_CLASSES_HEAD = """\
# A class that does not stand here is not inspected for. More than `warn` warns, more than `fail`
# fails; either may be left out. Quantities: count, length_px, max_width_px, mean_width_px, area_px,
# width_p95_px, branches, and of a calibrated station length_mm, max_width_mm, width_p95_mm,
# mean_width_mm, area_mm2. How near to `fail` is too near: `decision` in docs/metrology.md.
# `min_score: 0.6` beside `limits` drops findings of which the model is less sure.
classes:""".splitlines()

_SHELF = """\
# One entry for each place on the shelf. Boxes are x0, y0, x1, y1 as fractions of the image's width
# and height; items whose centre lies in the box are counted. None is out of stock (fail), fewer
# than `min_facings` is low (warn). Price and units sold an hour put the worst gap first.
positions:
  - name: A1
    fixture: upper board
    product: Cola 0.5 l
    box: [0.05, 0.10, 0.35, 0.45]
    facings: 3
    min_facings: 2
    price: 1.29
    rate_per_hour: 4.5
  - name: A2
    fixture: upper board
    product: Water 0.5 l
    box: [0.40, 0.10, 0.70, 0.45]
    facings: 2
""".splitlines()

_REST = """\
# Parts of the image, as polygons in fractions; findings centred outside of all do not count.
# regions:
#   - {name: weld, polygon: [[0.1, 0.4], [0.9, 0.4], [0.9, 0.6], [0.1, 0.6]]}

# Which frames are inspected: every_nth (n), interval (interval_s), motion, or external (pushed).
# `every` holds the camera when `max_waiting` frames wait; `latest` lets the oldest one go.
frames:
  trigger: {kind: every_nth, n: 1}
  policy: every
  max_waiting: 32

# So many deviating inspections in a row open a discrepancy, so many clean ones resolve it.
discrepancies:
  open_after: 1
  resolve_after: 3
""".splitlines()
