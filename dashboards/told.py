"""What the layers below say in English, in the reader's language.

Errors of the domain, states of cameras and the like come as data and English text, since those
layers know no reader. Here stand the sentences they are known to say; one that is not here is shown
as it came, which is better than not at all.
"""

from __future__ import annotations

import re
from functools import cache

from flask_babel import gettext as _

from db.errors import Conflict, DomainError, Invalid, NotFound


def N_(text: str) -> str:
    """Marks a message for the catalogues that is looked up later, by what came."""
    return text


# What there may be none of, and the names of fields.
_THINGS = (
    N_("acquisition"),
    N_("camera"),
    N_("channel"),
    N_("delivery"),
    N_("device"),
    N_("device with that code"),
    N_("discrepancy"),
    N_("disposition"),
    N_("finding"),
    N_("gap"),
    N_("hold"),
    N_("image of inspection"),
    N_("inspection"),
    N_("inspection of this station"),
    N_("line"),
    N_("link that still works"),
    N_("model"),
    N_("person"),
    N_("picture of test shot"),
    N_("place of yours"),
    N_("product"),
    N_("readable recipe version"),
    N_("readable version of the recipe"),
    N_("recipe"),
    N_("recipe version"),
    N_("reference"),
    N_("review"),
    N_("role"),
    N_("rule"),
    N_("session of yours"),
    N_("share"),
    N_("shadow"),
    N_("shift"),
    N_("site"),
    N_("station"),
    N_("test shot"),
    N_("version of %(recipe)s"),
    N_("address"),
    N_("channels"),
    N_("class"),
    N_("days"),
    N_("end"),
    N_("escalation"),
    N_("name"),
    N_("note"),
    N_("place"),
    N_("quiet hours"),
    N_("quiet_from"),
    N_("quiet_to"),
    N_("reason"),
    N_("recipient"),
    N_("roles"),
    N_("secret"),
    N_("sender"),
    N_("timezone"),
    N_("until"),
)
# What was expected of a field, and what stands against something.
_EXPECTED = (
    N_("%(number)s characters"),
    N_("a number, 0 or more"),
    N_("a place out of the list"),
    N_("a time such as 22:00"),
    N_("a time to come"),
    N_("after how long, and which channels, or neither"),
    N_("an IANA name such as Europe/Vienna"),
    N_("an address"),
    N_("another end: no shift runs now"),
    N_("at least one channel"),
    N_("at least one person who is admin everywhere"),
    N_("at most %(most)s characters"),
    N_("at most %(most)s class names"),
    N_("both times, or none"),
    N_("channels out of the list"),
    N_("1 to %(most)s characters on one line"),
    N_("1 to %(most)s characters that can be seen"),
    N_("0 to %(most)s seconds"),
    N_("one of %(words)s"),
    N_("one of your lines or sites"),
    N_("one that failed or warned; nothing was called here"),
    N_("one that was inspected"),
    N_("some text"),
    N_("two different times"),
    N_("a secret of 16 characters or more; it signs what is sent"),
    N_("one mail address each, such as line@example.com"),
    N_("no parameter that names a file, and %(name)s does"),
    N_("http://host/… or https://host/… in ASCII"),
    N_("no user and password; the signature says who sends it"),
    N_("smtp://[user:password@]host[:port], or smtps:// for TLS at once"),
    N_("a port from 1 to 65535, and special characters as %%XX"),
    N_("a URL of at most %(most)s characters in ASCII, without spaces"),
    N_("it is told by %(rules)s; change that first"),
    N_("%(name)s is referred to by what came just now"),
    N_("%(name)s is referred to (%(found)s)"),
    N_("something else has been said since."),
    N_("something else has been done since."),
    N_("something else has happened with it since."),
    N_("there is already one named %(key)s"),
    # Shadows, references and holds.
    N_("a reason, so that others know what to look for"),
    N_("a word on what was found or done"),
    N_("the station is not on hold"),
    N_("the station is on hold already: %(why)s"),
    N_("in this span %(number)s pictures were watched, and %(least)s are the least"),
    N_("of this span no picture is stored any more"),
    N_("a share of the frames, above 0 up to 1"),
    N_("whole percent, 1 to 100"),
    N_("a station with an active recipe"),
    N_("a model that is not archived"),
    N_("a shadow runs at %(station)s already"),
    N_("%(model)s is what %(station)s inspects by"),
    N_("self-check: %(alarms)s"),
)
# Why a camera is as it is.
_CAMERAS = (
    N_("not started yet"),
    N_("starting"),
    N_("frames arrive"),
    N_("disabled"),
    N_("ingest is stopped"),
    N_("played to its end"),
    N_("damaged frames are left out"),
    N_("the database is away"),
    N_("the station has no active recipe"),
    N_("the frame store is full: %(why)s"),
)
_FIELD = re.compile(r"%\((\w+)\)s")


def in_words(text: str) -> str:
    """A phrase of a layer below in the reader's language; one that is not known as it is."""
    plain, patterns = _phrases()
    if text in plain:
        # Templates and views look the same messages up: %% stands for %.
        return str(_(plain[text])).replace("%%", "%")
    for pattern, message in patterns:
        if found := pattern.fullmatch(text):
            parts = {name: in_words(got) for name, got in found.groupdict().items()}
            return str(_(message, **parts))
    return text


def told(error: DomainError) -> str:
    """An error of the domain as a sentence, in the reader's language."""
    if isinstance(error, NotFound):
        what = in_words(error.what)
        return str(_("There is no %(what)s %(key)s.", what=what, key=error.key))
    if isinstance(error, Invalid):
        return str(
            _(
                "%(field)s: expected %(expected)s, got %(value)s",
                field=in_words(error.field),
                expected=in_words(error.expected),
                value=repr(error.value),
            )
        )
    if isinstance(error, Conflict):
        return f"{in_words(error.what)}: {in_words(error.detail)}"
    return str(error)


@cache
def _phrases() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Messages without a part that changes, by their text; and the others as patterns."""
    plain, patterns = {}, []
    for message in (*_THINGS, *_EXPECTED, *_CAMERAS):
        pieces = _FIELD.split(message)
        if len(pieces) == 1:
            plain[message.replace("%%", "%")] = message
            continue
        # Every second piece is the name of a part that changes.
        fixed, names = pieces[::2], [*(f"(?P<{name}>.+)" for name in pieces[1::2]), ""]
        whole = "".join(re.escape(text) + name for text, name in zip(fixed, names, strict=True))
        patterns.append((re.compile(whole, re.DOTALL), message))
    # "at most 5 characters" before "5 characters".
    return plain, sorted(patterns, key=lambda pattern: -len(_FIELD.sub("", pattern[1])))
