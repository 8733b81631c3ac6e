"""Every word of the pages can be translated, and in German every word is."""

import io
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from dashboards import DashboardValues, create_app
from dashboards.detail_words import in_detail, where
from dashboards.formats import age, number, percent, plain, stamp
from dashboards.language import COOKIE, LANGUAGES
from dashboards.told import in_words, told
from db.engine import connect
from db.errors import Conflict, Invalid, NotFound
from db.frames import open_store
from tests.drawn_plant import draw_plant
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW, SAME_SITE, ToldEvents
from tests.unit.dashboards.template_words import READ, unmarked

DASHBOARDS = Path("dashboards")
TEMPLATES = sorted((DASHBOARDS / "templates").rglob("*.html"))
SCRIPTS = sorted((DASHBOARDS / "static").glob("*.js"))
SENTENCE = re.compile(r"[\"'`][A-Z][a-z]+ [a-z][^\"'`]*[\"'`]")
OTHERS = sorted(set(LANGUAGES) - {"en"})
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "N_": None}
PLACEHOLDER = re.compile(r"%\(\w+\)[.\d]*[a-z]|%%|\{\w+\}|`[^`]+`")

# One page of each kind, for an admin of the drawn plant.
PAGES = (
    "/",
    "/lines/line-2",
    "/stations/station-a",
    "/inspections/1",
    "/discrepancies",
    "/discrepancies/1",
    "/shelves/aisle-3",
    "/shelves/aisle-3/history",
    "/shelves/aisle-3/walk",
    "/stores/north",
    "/quality/line-2?range=day",
    "/reports/line-2?shift=*",
    "/alerts",
    "/alerts/log",
    "/alerts/rules/new",
    "/alerts/channels/new",
    "/people",
    "/people/1",
    "/screens",
    "/account",
    "/audit-log",
    "/lab/stations",
    "/lab/stations/station-a",
    "/lab/stations/station-a/scale",
    "/lab/cameras",
    "/lab/cameras/new",
    "/lab/cameras/1",
    "/lab/recipes",
    "/lab/recipes/new",
    "/lab/models",
    "/lab/planograms",
    "/lab/health",
    "/pair",
    "/nothing-here",
)
# What a plant names itself, and names of programs: nobody translates them.
NAMES = {"Line 2", "Aisle 3", "engine"}


def _catalogue(language: str) -> Catalog:
    with _folder(language).joinpath("messages.po").open("rb") as file:
        return read_po(file, locale=language)


def _folder(language: str) -> Path:
    return DASHBOARDS / "translations" / language / "LC_MESSAGES"


@pytest.fixture(scope="module")
def extracted() -> set[str | tuple[str, ...]]:
    """What `make translations` finds in the pages, through the same settings."""
    with (DASHBOARDS / "babel.cfg").open(encoding="utf-8") as file:
        mapping, options = parse_mapping_cfg(file)
    found = extract_from_dir(DASHBOARDS, mapping, options, keywords=KEYWORDS)
    return {message for _file, _line, message, _comments, _context in found}


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_in_the_catalogue_and_translated(
    language: str, extracted: set[str | tuple[str, ...]]
) -> None:
    catalogue = _catalogue(language)
    missing = [message for message in extracted if _entry(catalogue, message) is None]
    assert not missing, "run make translations, then translate them"
    empty = [m.id for m in catalogue if m.id and not all([*_strings(m.string)])]
    assert not empty
    assert not [m.id for m in catalogue if m.id and m.fuzzy]
    assert {m.id for m in catalogue if m.id} == extracted, "run make translations"


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_same_placeholders(language: str) -> None:
    for message in _catalogue(language):
        if not message.id:
            continue
        wanted = {name for text in _strings(message.id) for name in PLACEHOLDER.findall(text)}
        for text in _strings(message.string):
            # A singular may say "one" without its number.
            assert set(PLACEHOLDER.findall(text)) <= wanted, message.id
        assert set(PLACEHOLDER.findall(_strings(message.string)[-1])) == wanted, message.id


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_served_is_what_was_translated(language: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, _catalogue(language))
    stored = _folder(language).joinpath("messages.mo").read_bytes()
    assert stored == compiled.getvalue(), "run make translations"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(DASHBOARDS)))
def test_a_template_shows_no_word_that_cannot_be_translated(template: Path) -> None:
    assert list(unmarked(template.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Hello there</p>", ["Hello there"]),
        ('<a title="Go on">{{ _("on") }}</a>', ["Go on"]),
        ('<input placeholder="its key">', ["its key"]),
        ("{{ 'Shelf' if x else _('Line') }}", ["Shelf"]),
        ("{{ m.button(1, 'not now') }}", ["not now"]),
        ("<p>{{ _('fine') }} 5 mm · CSV <code>lineside up</code></p>", []),
        ("<p class=\"a{{ ' is-wrong' if x }}\">{{ n }} px</p>", []),
    ],
)
def test_words_that_nobody_marked_are_found(source: str, found: list[str]) -> None:
    assert [text for _line, text in unmarked(source)] == found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_no_words_of_its_own(script: Path) -> None:
    code = re.sub(r"(?<!:)//.*", "", script.read_text(encoding="utf-8"))
    assert SENTENCE.findall(code) == []


def test_a_sentence_in_a_script_is_found() -> None:
    assert SENTENCE.findall('say("Not done. Try again"); key("Escape");') == [
        '"Not done. Try again"'
    ]


@pytest.fixture(scope="module")
def plant(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The pages over the drawn plant."""
    folder = tmp_path_factory.mktemp("plant")
    shutil.copyfile(empty_sqlite, folder / "lineside.sqlite3")
    database = connect(f"sqlite:///{folder / 'lineside.sqlite3'}")
    store = open_store(str(folder / "frames"))
    with database.sessions.begin() as session:
        draw_plant(session, store, NOW)
    values = DashboardValues(
        database, store, ToldEvents(), "redis://127.0.0.1:1/0", b"secret" * 6, now=lambda: NOW
    )
    yield create_app(values)
    database.dispose()


@pytest.fixture(scope="module")
def german(plant: Flask) -> FlaskClient:
    client = sign_in(plant)
    client.set_cookie(COOKIE, "de")
    return client


@pytest.fixture(scope="module")
def english_words() -> set[str]:
    """Messages that read otherwise in German."""
    return {
        text
        for message in _catalogue("de")
        if message.id
        for text in _strings(message.id)
        if text not in _strings(message.string) and text not in NAMES
    }


@pytest.mark.parametrize("path", PAGES)
def test_a_page_in_german_has_no_english_left(
    german: FlaskClient, english_words: set[str], path: str
) -> None:
    answer = german.get(path)
    assert answer.status_code == (404 if path == "/nothing-here" else 200)
    assert '<html lang="de"' in answer.text
    shown = _Shown()
    shown.feed(answer.text)
    assert sorted(set(shown.texts) & english_words) == []


def test_the_language_menu_switches_and_leads_back(plant: Flask) -> None:
    client = sign_in(plant)
    english = client.get("/lines/line-2").text
    assert '<html lang="en"' in english
    assert 'value="de" lang="de">Deutsch</button>' in english
    form = {"language": "de", "back": "/lines/line-2"}
    answer = client.post("/language", data=form, headers=SAME_SITE)
    assert (answer.status_code, answer.location) == (303, "/lines/line-2")
    there = client.get(answer.location).text
    assert '<html lang="de"' in there
    assert 'value="en" lang="en">English</button>' in there


def test_without_a_choice_the_browser_says_which(plant: Flask) -> None:
    client = plant.test_client()
    for wanted, lang in (("de-AT,de;q=0.9,en;q=0.5", "de"), ("fr", "en"), ("en-GB", "en")):
        page = client.get("/sign-in", headers={"Accept-Language": wanted}).text
        assert f'<html lang="{lang}"' in page


@pytest.fixture
def in_german(plant: Flask) -> Iterator[None]:
    with plant.test_request_context("/", headers={"Cookie": f"{COOKIE}=de"}):
        yield


@pytest.mark.usefixtures("in_german")
def test_numbers_and_days_are_written_as_in_german() -> None:
    assert (percent(0.971), percent(1.0), number(0.3051), number(1280)) == (
        "97,1 %",
        "100 %",
        "0,305",
        "1280",
    )
    assert stamp(NOW - timedelta(days=30)) == "1. Juni 10:00"
    assert stamp(NOW - timedelta(days=365)) == "1. Juli 2025 10:00"
    assert stamp(NOW) == "10:00:00"
    assert age(timedelta(minutes=130)) == "2 h 10 min"
    assert plain("max_width_mm") == "größte Breite mm"


@pytest.mark.usefixtures("in_german")
@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("nothing found", "nichts gefunden"),
        ("crack 52.9 mm > 3.0 mm (centre)", "crack 52,9 mm > 3,0 mm (Mitte)"),
        (
            "pit max width 3.4 mm > 2.5 mm (lower right); crack 32.6 mm > 3.0 mm (left);"
            " and 1 more",
            "pit größte Breite 3,4 mm > 2,5 mm (unten rechts); crack 32,6 mm > 3,0 mm (links);"
            " und 1 mehr",
        ),
        ("pit count 7 > 5 (Rim 2.5)", "pit Anzahl 7 > 5 (Rim 2.5)"),
        (
            "crack 2.97 ± 0.12 mm, too near to 3.00 mm (centre)",
            "crack 2,97 ± 0,12 mm, zu nah an 3,00 mm (Mitte)",
        ),
        (
            "Olive oil (sample) out of stock: 0 of 2 (A6); Water low: 1 of 4 (B3)",
            "Olive oil (sample), Regallücke: 0 von 2 (A6); Water, knapp: 1 von 4 (B3)",
        ),
        ("all 12 positions filled", "alle 12 Positionen gefüllt"),
        ("3 found, within limits", "3 gefunden, innerhalb der Grenzen"),
        ("something nobody knows", "something nobody knows"),
        ("", ""),
    ],
)
def test_the_line_of_a_verdict_is_told_in_german(stored: str, shown: str) -> None:
    assert in_detail(stored) == shown


@pytest.mark.usefixtures("in_german")
def test_what_layers_below_say_is_told_in_german() -> None:
    assert in_words("frames arrive") == "Bilder kommen"
    assert in_words("the frame store is full: 3 of 4 GB") == "der Bildspeicher ist voll: 3 of 4 GB"
    assert in_words("at most 300 characters") == "höchstens 300 Zeichen"
    assert in_words("no host of that name") == "no host of that name"
    assert where("upper left") == "oben links"
    assert where("Rim") == "Rim"
    assert told(NotFound("station", 7)) == "Nicht gefunden: Station 7."
    assert (
        told(Invalid("name", "", "1 to 64 characters on one line"))
        == "Name: erwartet 1 bis 64 Zeichen in einer Zeile, erhalten: ''"
    )
    assert told(Conflict("camera", "there is already one named 'a'")) == (
        "Kamera: es gibt schon eines namens 'a'"
    )


def test_in_english_the_line_of_a_verdict_stays(app: Flask) -> None:
    with app.test_request_context("/"):
        assert in_detail("crack 4.8 mm > 3.0 mm (centre)") == "crack 4.8 mm > 3.0 mm (centre)"


class _Shown(HTMLParser):
    """Texts and read attributes of a page, each on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [" ".join((text or "").split()) for name, text in attrs if name in READ]

    def handle_data(self, data: str) -> None:
        self.texts.append(" ".join(data.split()))


def _entry(catalogue: Catalog, message: str | tuple[str, ...]) -> object:
    found = catalogue.get(message if isinstance(message, str) else message[0])
    return found if found is not None and found.id == message else None


def _strings(text: str | list[str] | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)
