"""Back to a page of ours, and to no other site."""

from __future__ import annotations


def own_path(asked: str | None) -> str | None:
    """The path of one of our pages, as a form or address names it; None: it leads elsewhere.

    Browsers read `//host` and `/\\host` as another site, and drop tabs and line breaks first.
    """
    if not asked or len(asked) > 2000 or not asked.isprintable() or " " in asked:
        return None
    if not asked.startswith("/") or asked.startswith("//") or "\\" in asked:
        return None
    return asked
