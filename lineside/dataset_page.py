"""A data set's statistics as text and as one HTML page with nothing to fetch."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

import cv2
import numpy as np

from inspection.datasets import Dataset, LabelledFile, read_mask, read_rgb
from inspection.overlay import outline_path

# Okabe and Ito's colours, which every kind of colour vision tells apart, but yellow.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444")
_EXAMPLES = 6
_EXAMPLE_PX = 220
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;
color:#1a1a1a;background:#fff}
h1{margin-bottom:0}code{font-size:.85em;overflow-wrap:anywhere}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .8rem;text-align:right;
border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
svg{display:block}figure{display:inline-block;margin:.3rem}figcaption{font-size:.75rem;max-width:220px;
overflow-wrap:anywhere;color:#555}svg text{font:12px system-ui,sans-serif;fill:#333}
"""


def table(report: dict[str, Any]) -> str:
    """The statistics as lines for a terminal."""
    lines = [
        f"{report['name']}: {report['images']} images, {report['images_without_labels']} of them "
        f"without labels; {report['instances']} instances ({report['instances_are']})",
        f"sha256 {report['sha256']}",
        "",
        f"{'class':24} {'images':>7} {'instances':>9}  {'area px':>24}  {'length px':>20}"
        "   (least – median – most)",
    ]
    lines += [
        f"{each['name'][:24]:24} {each['images']:7} {each['instances']:9}  "
        f"{_range(each['area_px']):>24}  {_range(each['length_px']):>20}"
        for each in report["classes"]
    ]
    sizes = ", ".join(
        f"{each['width']}×{each['height']} ({each['images']})" for each in report["sizes"][:5]
    )
    more = len(report["sizes"]) - 5
    lines += ["", f"sizes: {sizes}{f' and {more} more' if more > 0 else ''}"]
    if len(report["groups"]) > 1:
        lines += ["", f"{'part':14} {'group':20} {'images':>7} {'instances':>9} {'empty':>6}"]
        lines += [
            f"{each['part'] or '–':14} {each['group'][:20] or '–':20} {each['images']:7} "
            f"{each['instances']:9} {each['images_without_labels']:6}"
            for each in report["groups"]
        ]
    return "\n".join(lines)


def render(report: dict[str, Any], dataset: Dataset) -> str:
    """One page: counts, histograms drawn as SVG, and some images of each class.

    Raises:
        DatasetError: an image that was to be shown cannot be read.
    """
    rows = "".join(
        f"<tr><td>{escape(each['name'])}</td><td>{each['images']}</td><td>{each['instances']}</td>"
        f"<td>{_range(each['area_px'])}</td><td>{_range(each['length_px'])}</td></tr>"
        for each in report["classes"]
    )
    sizes = "".join(
        f"<tr><td>{each['width']} × {each['height']}</td><td>{each['images']}</td></tr>"
        for each in report["sizes"][:12]
    )
    groups = "".join(
        f"<tr><td>{escape(each['part']) or '–'}</td><td>{escape(each['group']) or '–'}</td>"
        f"<td>{each['images']}</td><td>{each['instances']}</td>"
        f"<td>{each['images_without_labels']}</td></tr>"
        for each in report["groups"]
    )
    examples = "".join(
        f"<h2>{escape(name)}</h2>{''.join(_example(file, index) for file in chosen)}"
        for index, name in enumerate(dataset.classes)
        if (chosen := _choose(dataset, index))
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{escape(report['name'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(report['name'])}</h1><p><code>sha256 {report['sha256']}</code><p>"
        f"{report['images']} images, {report['images_without_labels']} of them without labels; "
        f"{report['instances']} instances ({report['instances_are']})."
        "<table><tr><th>class<th>images<th>instances<th>area, px<br>least – median – most"
        f"<th>length, px<br>least – median – most</tr>{rows}</table>"
        f"{_bars('Area of an instance, px', report['area_px'])}"
        f"{_bars('Length of an instance, px', report['length_px'])}"
        f"<table><tr><th>size<th>images</tr>{sizes}</table>"
        f"<table><tr><th>part<th>group<th>images<th>instances<th>without labels</tr>{groups}"
        f"</table>{examples}</html>"
    )


def _range(spread: dict[str, float] | None) -> str:
    return f"{spread['least']:g} – {spread['median']:g} – {spread['most']:g}" if spread else "–"


def _bars(title: str, histogram: dict[str, Any]) -> str:
    """A row of bars for each class over common bins, as SVG."""
    edges, counts = histogram["edges"], histogram["counts"]
    if not edges:
        return ""
    left, width, height, gap = 150, 44, 46, 12
    bins = len(edges) - 1
    most = max(max(each) for each in counts.values())
    parts = []
    for row, (name, each) in enumerate(counts.items()):
        base = 24 + (row + 1) * (height + gap)
        parts.append(f'<text x="0" y="{base - 4}">{escape(name[:20])}</text>')
        for place, count in enumerate(each):
            tall = max(1.0, count / most * (height - 14)) if count else 0.0
            x = left + place * width
            parts.append(
                f'<rect x="{x + 2}" y="{base - tall:.1f}" width="{width - 4}" '
                f'height="{tall:.1f}" fill="{_COLOURS[row % len(_COLOURS)]}"/>'
            )
            if count:
                parts.append(
                    f'<text x="{x + width / 2}" y="{base - tall - 2:.1f}" '
                    f'text-anchor="middle">{count}</text>'
                )
    foot = 24 + len(counts) * (height + gap) + 16
    parts += [
        f'<text x="{left + place * width}" y="{foot}" text-anchor="middle">{_short(edge)}</text>'
        for place, edge in enumerate(edges)
    ]
    return (
        f'<svg role="img" aria-label="{escape(title)}" width="{left + bins * width + 30}" '
        f'height="{foot + 8}"><text x="0" y="14" font-weight="bold">{escape(title)}</text>'
        f"{''.join(parts)}</svg>"
    )


def _short(edge: float) -> str:
    return f"{edge / 1024:g}k" if edge >= 10_000 else f"{edge:g}"


def _choose(dataset: Dataset, index: int) -> list[LabelledFile]:
    """Images of a class, evenly over the set."""
    having = [
        file
        for file in dataset.files
        if any(each.class_index == index for each in file.annotations)
    ]
    count = min(_EXAMPLES, len(having))
    return [having[place * len(having) // count] for place in range(count)]


def _example(file: LabelledFile, index: int) -> str:
    """A small picture with the outlines of one class."""
    width, height = file.size_wh
    scale = _EXAMPLE_PX / max(width, height)
    small = cv2.resize(
        read_rgb(file), None, fx=min(scale, 1.0), fy=min(scale, 1.0), interpolation=cv2.INTER_AREA
    )
    _, data = cv2.imencode(
        ".jpg", np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2BGR)), [cv2.IMWRITE_JPEG_QUALITY, 85]
    )
    image = base64.b64encode(data.tobytes()).decode()
    colour = _COLOURS[index % len(_COLOURS)]
    paths = "".join(
        f'<path d="{outline_path(read_mask(each, file.size_wh))}" fill="{colour}" '
        f'fill-opacity=".25" stroke="{colour}" stroke-width="{1.5 / scale:.2f}"/>'
        for each in file.annotations
        if each.class_index == index
    )
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width * scale:.0f}" '
        f'height="{height * scale:.0f}"><image width="{width}" height="{height}" '
        f'href="data:image/jpeg;base64,{image}"/>{paths}</svg>'
        f"<figcaption>{escape(file.path.name)}</figcaption></figure>"
    )
