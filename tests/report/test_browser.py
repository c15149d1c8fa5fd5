"""The page in a real browser, used as a reader would: slider, keys, filter, clicks; a silent console, no request."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from browser import Browser, installed
from report_samples import failing, passing
from report_traces import with_senders, write_trace

from simkit.observe.document import HostEntry
from simkit.report.diff_page import diff_page
from simkit.report.page import page
from simkit.report.pair import read_pair

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(installed() is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    trace = write_trace(folder / "trace.bin")
    path = folder / "report.html"
    path.write_text(page(with_senders(failing()), run_folder="runs/failing-7", trace=trace), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(running: Browser, report: Path) -> Iterator[Browser]:
    running.resize(1280, 800)
    running.media()
    # Another fragment alone would not load the page anew.
    running.ask("Page.navigate", url="about:blank")
    running.said.clear()
    running.requests.clear()
    running.open(report)
    yield running
    assert running.said == []
    assert [each for each in running.requests if each not in (report.as_uri(), "about:blank", "data:,")] == []


def test_the_first_screen_needs_no_scrolling(browser: Browser) -> None:
    bottom = browser.evaluate("document.querySelector('.first').getBoundingClientRect().bottom")
    assert bottom <= 800
    assert browser.text("#moment") == "06:30.311"
    assert "gc heals" not in browser.text("#states")


def test_the_slider_moves_everything(browser: Browser) -> None:
    browser.evaluate("time.value = 345500; time.dispatchEvent(new Event('input'))")
    assert browser.text("#moment") == "05:45.500"
    assert "gc" in browser.text("#states")
    assert browser.evaluate("document.querySelector('[data-lane=\"2\"] i').dataset.state") == "paused"
    assert "paused since 05:00.000" in browser.text("#hosts-now")


def test_at_the_moment_of_healing_the_fault_is_said_to_heal(browser: Browser) -> None:
    browser.evaluate("time.value = 390000; time.dispatchEvent(new Event('input'))")
    assert "gc heals" in browser.text("#states")


def test_keys_move_the_moment_wherever_the_focus_is(browser: Browser) -> None:
    browser.press("ArrowLeft")
    assert browser.text("#moment") == "06:25.311"  # a 240th of twenty minutes
    browser.press("n")
    assert browser.text("#moment") == "06:30.000"
    browser.press("p")
    browser.press("p")
    assert browser.text("#moment") < "06:02"
    browser.press("Home")
    assert browser.text("#moment") == "00:00.000"
    assert browser.evaluate("location.hash") == "#t=0.000"


def test_space_plays_and_stops(browser: Browser) -> None:
    before = browser.text("#moment")
    browser.press(" ")
    browser.settle()
    browser.press(" ")
    after = browser.text("#moment")
    assert after > before
    browser.settle()
    assert browser.text("#moment") == after


def test_the_question_mark_shows_the_keys_and_escape_hides_them(browser: Browser) -> None:
    browser.press("?")
    assert browser.evaluate("document.getElementById('help').open") is True
    browser.press("Escape", "")
    assert browser.evaluate("document.getElementById('help').open") is False


def test_a_slash_goes_to_the_filter_and_what_is_typed_filters(browser: Browser) -> None:
    browser.click_on("#zoom-run")
    everything = browser.text("#in-view")
    assert everything.startswith("595 messages in 20 min")
    browser.press("/")
    assert browser.evaluate("document.activeElement.id") == "message-text"
    for letter in "task0042":
        browser.press(letter)
    assert browser.text("#in-view").startswith("2 messages")
    emptied = "(e => { e.value = ''; e.dispatchEvent(new Event('input')) })(document.getElementById('message-text'))"
    browser.evaluate(emptied)
    browser.settle()
    assert browser.text("#in-view") == everything


def choose(browser: Browser, field: str, text: str) -> None:
    """Choose what a list offers by its text."""
    browser.evaluate(
        f"(e => {{ e.value = [...e.options].find(o => o.text === '{text}').value;"
        f" e.dispatchEvent(new Event('change')); }})(document.getElementById('{field}'))"
    )
    browser.settle()


def test_hosts_and_kinds_filter_too(browser: Browser) -> None:
    browser.click_on("#zoom-run")
    choose(browser, "message-host", "workers-3")
    assert browser.text("#in-view").startswith("98 messages")
    choose(browser, "message-kind", "queue.done/1")
    assert browser.text("#in-view").startswith("48 messages")


def test_the_full_stop_goes_from_message_to_message(browser: Browser) -> None:
    browser.press(".")
    assert "queue." in browser.text("#why h3")
    assert "task=task00" in browser.text("#why pre")
    before = browser.text("#moment")
    browser.press(".")
    assert browser.text("#moment") > before
    browser.press("Escape", "")
    assert browser.evaluate("document.getElementById('why').hidden") is True


def test_w_follows_a_message_to_what_came_before_it(browser: Browser) -> None:
    browser.press(",")
    chain = browser.evaluate("document.querySelectorAll('#why li').length")
    assert chain >= 2
    before = browser.text("#moment")
    browser.press("w")
    assert browser.text("#moment") < before


def test_a_click_on_the_diagram_chooses_the_message_below_it(browser: Browser) -> None:
    browser.click_on("#zoom-story")
    box = browser.evaluate(
        "(() => { const e = document.getElementById('diagram'); e.scrollIntoView({block: 'center'});"
        " const b = e.getBoundingClientRect(); return [b.left, b.top, b.width] })()"
    )
    # The story's own message is on its way from 05:00 to 05:59; the story lasts from 04:58.207 to 06:30.311.
    begin, end = 298.207 - 92.104 * 0.05, 390.311 + 92.104 * 0.05
    x = box[0] + 112 + (329.5 - begin) / (end - begin) * (box[2] - 112)
    browser.click(x, box[1] + 22 + 26 * 1.5)  # halfway between the lanes of broker and workers-1
    assert browser.text("#why h3") == "workers-1 → broker: EVALSHA 0a0a0a0a.."
    assert "on its way for 59 s" in browser.text("#why")


def test_a_host_that_is_cut_off_is_shown_without_its_links(browser: Browser, tmp_path: Path) -> None:
    document = with_senders(failing())
    faults = tuple(
        msgspec.structs.replace(each, fault="isolate", targets=("broker",), links=(), cuts=((("broker",), (), True),))
        if each.fault == "partition"
        else each
        for each in document.faults
    )
    path = tmp_path / "report.html"
    trace = write_trace(tmp_path / "trace.bin")
    path.write_text(page(msgspec.structs.replace(document, faults=faults), trace=trace), encoding="utf-8")
    browser.open(path)
    browser.evaluate("time.value = 610000; time.dispatchEvent(new Event('input'))")
    browser.until("document.querySelector('#topology .cut')")
    hosts = browser.evaluate("document.querySelectorAll('#topology .host').length")
    assert browser.evaluate("document.querySelectorAll('#topology .cut').length") == hosts - 1
    browser.requests.remove(path.as_uri())


def test_a_cut_link_is_shown_while_it_is_cut(browser: Browser) -> None:
    browser.until("document.getElementById('cuts').textContent.startsWith('No link is touched')")
    browser.evaluate("time.value = 610000; time.dispatchEvent(new Event('input'))")
    browser.until("document.querySelector('#topology .cut')")
    assert browser.text("#cuts") == "split: partition zone a from all others for 20 s"
    assert browser.evaluate("document.querySelectorAll('#topology .cut').length") == 2


@pytest.mark.parametrize(("width", "height"), [(390, 844), (768, 1024), (1280, 800)])
def test_no_screen_scrolls_sideways(browser: Browser, width: int, height: int) -> None:
    browser.resize(width, height)
    browser.settle()
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light_differ_in_the_drawing_too(browser: Browser) -> None:
    picture = "document.getElementById('diagram').toDataURL()"
    light = browser.evaluate(picture)
    browser.media(dark=True)
    browser.settle()
    assert browser.evaluate(picture) != light


def test_it_prints(browser: Browser, tmp_path: Path) -> None:
    browser.paper(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_two_runs_side_by_side_fit_a_phone_and_ask_for_nothing(running: Browser, tmp_path: Path) -> None:
    for name, document, rounds in (("one", passing(), 300), ("other", with_senders(failing()), 290)):
        (tmp_path / name).mkdir()
        document.write(tmp_path / name / "run.json")
        write_trace(tmp_path / name / "trace.bin", rounds)
    path = tmp_path / "diff.html"
    path.write_text(diff_page(read_pair(tmp_path / "one", tmp_path / "other"), path), encoding="utf-8")
    running.said.clear()
    running.requests.clear()
    running.resize(390, 800)
    running.open(path)
    assert running.evaluate("document.documentElement.scrollWidth") <= 390
    # Both strips mark the same moment at the same place of the one axis.
    places = running.evaluate("[...document.querySelectorAll('.parted.course')].map(mark => mark.offsetLeft)")
    assert len(places) == 2
    assert places[0] == places[1] > 0
    assert running.said == []
    assert running.requests == [path.as_uri()]


def test_a_long_story_scrolls_inside_its_box(running: Browser, tmp_path: Path) -> None:
    document = with_senders(failing())
    effect_once = document.expectations[1]
    first = effect_once.violations[0]
    long = tuple(
        msgspec.structs.replace(first.story[0], time_ns=number * 5_000_000_000, text=f"step {number}")
        for number in range(58)
    )
    told = msgspec.structs.replace(first, story=(*long, first.story[-1]))
    changed = msgspec.structs.replace(effect_once, violations=(told,))
    expectations = tuple(changed if each is effect_once else each for each in document.expectations)
    path = tmp_path / "long.html"
    path.write_text(page(msgspec.structs.replace(document, expectations=expectations)), encoding="utf-8")
    running.resize(1280, 800)
    running.open(path)
    running.evaluate("document.querySelector('.story details').open = true")
    running.settle()
    assert running.evaluate("document.querySelector('.first').getBoundingClientRect().bottom") <= 800
    # Whatever moment is shown, its line is in sight.
    running.evaluate("document.querySelectorAll('.story [data-t]')[30].click()")
    running.settle()
    seen = running.evaluate(
        "(() => { const box = document.querySelector('.story').getBoundingClientRect(),"
        " row = document.querySelector('.story [aria-current]').getBoundingClientRect();"
        " return [row.top >= box.top, row.bottom <= box.bottom] })()"
    )
    assert seen == [True, True]


def test_of_many_hosts_those_that_are_down_are_shown(running: Browser, tmp_path: Path) -> None:
    run = with_senders(failing())
    more = [HostEntry(name=f"more-{number}", group="more") for number in range(60)]
    states = {host.name: ((0, "up"),) for host in more}
    states["more-59"] = ((0, "up"), (600 * 10**9, "down"), (660 * 10**9, "up"))
    document = msgspec.structs.replace(run, hosts=(*run.hosts, *more), host_states={**run.host_states, **states})
    path = tmp_path / "crowded.html"
    path.write_text(page(document, trace=write_trace(tmp_path / "trace.bin")), encoding="utf-8")
    running.resize(1280, 800)
    running.open(path)
    assert f"60 of {len(document.hosts)} hosts" in running.text(".topology")

    def shown(at_s: int) -> list[str]:
        running.evaluate(f"time.value = {at_s * 1000}; time.dispatchEvent(new Event('input'))")
        names: list[str] = running.evaluate(
            "[...document.querySelectorAll('#hosts-now b')].map(each => each.textContent)"
        )
        return names

    assert "more-59" not in shown(500)
    assert "more-59" in shown(630)
    assert "down since 10:00.000" in running.text("#hosts-now")
    assert len(shown(700)) == 60
