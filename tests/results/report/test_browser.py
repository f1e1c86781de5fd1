"""The page in headless Chromium, as a reader uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from results.report.page import Written, write
from tests.listening_test.browser import PATIENCE
from tests.results.report.conftest import ABOUT, SYSTEMS, looks, rows, tones

CLIP = "#metric=pesq&a=3&b=0&clip=0"


def opened(driver: Any, page: Written, state: str = "") -> Any:
    driver.get("about:blank")
    driver.get(page.path.as_uri() + state)
    wait(driver, lambda d: "ready" in d.find_element(By.TAG_NAME, "body").get_attribute("class"))
    return driver


def wait(driver: Any, until: Callable[[Any], Any]) -> None:
    WebDriverWait(driver, PATIENCE, poll_frequency=0.05).until(until)


def methods(driver: Any) -> list[str]:
    return driver.execute_script(
        "return [...document.querySelectorAll('table.leaderboard tbody tr:not([hidden])')].map(r => r.dataset.words)"
    )


@pytest.fixture(autouse=True)
def quiet_console(browser: Any) -> Any:
    """No test leaves an error in the console, and no text was ever run."""
    browser.get_log("browser")
    yield
    assert [line for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []


def test_it_sorts_and_keeps_that_in_the_address(browser: Any, page: Written) -> None:
    driver = opened(browser, page)
    assert methods(driver)[0].startswith("noisy")
    driver.find_element(By.CSS_SELECTOR, "th[data-sort='m.pesq'] button").click()
    values = (
        "return [...document.querySelectorAll('table.leaderboard tbody tr')].map(r => Number(r.cells[1].dataset.value))"
    )
    falling = driver.execute_script(values)
    assert falling == sorted(falling, reverse=True)
    assert "sort=m.pesq" in driver.current_url and "down=1" in driver.current_url
    opened(driver, page, driver.current_url[driver.current_url.index("#") :])
    assert driver.execute_script(values) == falling
    driver.find_element(By.CSS_SELECTOR, "th[data-sort='m.pesq'] button").click()
    assert driver.execute_script(values) == falling[::-1]
    head = driver.find_element(By.CSS_SELECTOR, "th[data-sort='m.pesq']")
    assert head.get_attribute("aria-sort") == "ascending"


def test_it_filters(browser: Any, page: Written) -> None:
    driver = opened(browser, page, "#filter=regen")
    assert len(methods(driver)) == 2
    box = driver.find_element(By.ID, "filter")
    box.clear()
    box.send_keys("N=10")
    assert [name.split(",")[0] for name in methods(driver)] == ["storm"]
    assert "filter=N%3D10" in driver.current_url
    assert driver.find_element(By.ID, "shown").text == f"1 of {len(SYSTEMS)}"


def test_another_metric_shows_its_charts_and_differences(browser: Any, page: Written) -> None:
    driver = opened(browser, page)
    Select(driver.find_element(By.ID, "metric")).select_by_visible_text("WER")
    shown = driver.execute_script(
        "return [...document.querySelectorAll('[data-metric]')].filter(e => !e.hidden).map(e => e.dataset.metric)"
    )
    assert shown == ["wer"] and "metric=wer" in driver.current_url
    assert driver.find_element(By.CSS_SELECTOR, "#pairs caption").text.startswith("WER")
    assert len(driver.find_elements(By.CSS_SELECTOR, "#pairs tbody tr")) == 10


def test_the_largest_differences_are_listed_and_opened(browser: Any, page: Written) -> None:
    driver = opened(browser, page, "#metric=pesq&a=3&b=0")
    [look] = looks(rows())
    clips = look.analysis.panel.scores["pesq"].clips
    most = look.analysis.panel.clips[int((clips[3] - clips[0]).argmax())]
    first = driver.find_element(By.CSS_SELECTOR, "#ahead button")
    assert first.find_element(By.TAG_NAME, "span").text.startswith(most)
    driver.execute_script("arguments[0].click()", first)
    wait(driver, lambda d: d.find_elements(By.CSS_SELECTOR, ".player"))
    assert driver.find_element(By.CSS_SELECTOR, "#clip h3").text == most
    assert "said </script>" in driver.find_element(By.CSS_SELECTOR, "#clip blockquote").text
    assert "heard </script>" in driver.find_element(By.CSS_SELECTOR, "#clip .scores").text
    assert driver.execute_script("return document.images.length") == 0
    assert driver.execute_script("return typeof globalThis.stolen") == "undefined"


def test_it_plays_switches_and_draws(browser: Any, page: Written) -> None:
    driver = opened(browser, page, CLIP)
    wait(driver, lambda d: d.execute_script("return globalThis.player && player.length > 0"))
    wait(driver, lambda d: d.execute_script("return player.canvases.every(c => c.width === 360)"))
    assert driver.execute_script("return player.tracks.length") == 5
    player = driver.find_element(By.CSS_SELECTOR, ".player")
    player.find_element(By.CSS_SELECTOR, ".bar [type=checkbox]").send_keys(Keys.SPACE)
    assert driver.execute_script("return [player.looping.checked, player.source]") == [True, None]
    player.send_keys(Keys.SPACE)
    wait(driver, lambda d: d.execute_script("return player.source !== null && player.time > 0.05"))
    player.send_keys("3")
    assert driver.execute_script("return [player.heard, player.radios[2].checked, player.source !== null]") == [
        2,
        True,
        True,
    ]
    player.send_keys(Keys.ARROW_DOWN)
    assert driver.execute_script("return player.heard") == 3
    player.send_keys(Keys.SPACE)
    assert driver.execute_script("return player.source === null")
    loud = "const c = player.canvases[0], d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;" + (
        "let best = 0, row = 0; for (let y = 0; y < c.height; y++) { const v = d[4 * (y * c.width + 180)];"
        "if (v > best) { best = v; row = y; } } return (c.height - 1 - row) / c.height * player.rate / 2"
    )
    assert driver.execute_script(loud) == pytest.approx(200, abs=40)  # the tone of the clean signal


def test_switching_leaves_no_gap(browser: Any, page: Written) -> None:
    """The graph that plays, rendered: of two constant signals at one level the sum never dips."""
    driver = opened(browser, page)
    rendered = driver.execute_async_script(
        """
        const done = arguments[0], rate = 16000, context = new OfflineAudioContext(1, rate, rate);
        const buffers = [1, 0.5].map(level => {
          const buffer = context.createBuffer(1, rate, rate);
          buffer.getChannelData(0).fill(level);
          return buffer;
        });
        const mix = mixer(context, buffers, [0.5, 1]);
        mix.start(0, 0, false);
        mix.hear(0, 0), mix.hear(1, 0.4), mix.hear(0, 0.7);
        context.startRendering().then(sound => {
          const samples = sound.getChannelData(0).slice(800);
          const steps = samples.slice(1).map((value, i) => Math.abs(value - samples[i]));
          done([Math.min(...samples), Math.max(...samples), Math.max(...steps)]);
        });
        """
    )
    low, high, step = rendered
    assert low > 0.49 and high < 0.51 and step < 0.01


def test_all_signals_run_in_step(browser: Any, page: Written) -> None:
    """Switched to the same signal under another name, nothing changes, to the sample."""
    driver = opened(browser, page)
    error = driver.execute_async_script(
        """
        const done = arguments[0], rate = 16000, context = new OfflineAudioContext(1, rate, rate);
        const buffer = context.createBuffer(1, rate, rate), tone = buffer.getChannelData(0);
        for (let i = 0; i < rate; i++) tone[i] = Math.sin(i / 3);
        const mix = mixer(context, [buffer, buffer], [1, 1]);
        mix.start(0, 0.1, false);
        mix.hear(0, 0), mix.hear(1, 0.5);
        context.startRendering().then(sound => {
          const samples = sound.getChannelData(0);
          let worst = 0;
          for (let i = 800; i < 0.9 * rate; i++) worst = Math.max(worst, Math.abs(samples[i] - tone[i + 1600]));
          done(worst);
        });
        """
    )
    assert error < 1e-3


def test_names_can_be_hidden(browser: Any, page: Written) -> None:
    driver = opened(browser, page, CLIP)
    wait(driver, lambda d: d.execute_script("return globalThis.player && player.length > 0"))
    player = driver.find_element(By.CSS_SELECTOR, ".player")
    player.send_keys("b")
    names = "return [...document.querySelectorAll('.tracks .name')].map(e => e.textContent)"
    assert driver.execute_script(names) == list("ABCDE")
    player.send_keys("b")
    assert driver.execute_script(names)[:2] == ["clean", "noisy"]


def test_a_page_in_a_folder_loads_its_audio(browser: Any, tmp_path: Any) -> None:
    made = write(looks(rows()), ABOUT, tones, tmp_path / "out")
    driver = opened(browser, made, CLIP)
    wait(driver, lambda d: d.execute_script("return globalThis.player && player.length > 0"))
    assert driver.execute_script("return player.tracks.length") == 5


def test_of_two_datasets_one_is_shown(browser: Any, tmp_path: Any) -> None:
    other = [replace(row, key=replace(row.key, dataset="other")) for row in rows(5)]
    made = write(looks([*rows(), *other]), ABOUT, tones, tmp_path / "two.html")
    driver = opened(browser, made, "#dataset=1&clip=4")
    wait(driver, lambda d: d.execute_script("return globalThis.player && player.length > 0"))
    shown = "return [...document.querySelectorAll('[data-dataset]')].filter(e => !e.hidden).map(e => e.dataset.dataset)"
    assert set(driver.execute_script(shown)) == {"1"}
    Select(driver.find_element(By.ID, "dataset")).select_by_visible_text("demo")
    assert set(driver.execute_script(shown)) == {"0"}
    assert "dataset=0" in driver.current_url and "clip" not in driver.current_url
    assert driver.find_elements(By.CSS_SELECTOR, ".player") == []


def test_without_audio_the_page_says_so(browser: Any, tmp_path: Any) -> None:
    made = write(looks(rows()), ABOUT, None, tmp_path / "silent.html")
    driver = opened(browser, made, CLIP)
    wait(driver, lambda d: "No audio" in d.find_element(By.ID, "clip").text)


@pytest.mark.parametrize("width", [400, 1600])
def test_nothing_is_wider_than_the_screen(browser: Any, page: Written, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    try:
        driver = opened(browser, page, CLIP)
        wait(driver, lambda d: d.execute_script("return globalThis.player && player.length > 0"))
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, page: Written, axe: str, theme: str) -> None:
    driver = opened(browser, page, CLIP)
    wait(driver, lambda d: d.execute_script("return globalThis.player && player.length > 0"))
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    driver.execute_script(axe)
    found = driver.execute_async_script("const done = arguments[0]; axe.run().then(r => done(r.violations))")
    serious = [
        (v["id"], v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []
