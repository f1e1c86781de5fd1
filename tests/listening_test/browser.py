"""A listener with a real browser: headless Chromium, driven page by page as a person would."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1440,1000"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"),
)
PATIENCE = 120
"""Seconds for anything to happen, on a busy machine."""

Answers = dict[tuple[str, str], Any]
"""By page and key."""


@contextmanager
def chromium(*flags: str, profile: str | None = None, width: int = 1440) -> Iterator[webdriver.Chrome]:
    """A browser, whose console can be read, with a fresh profile or with one that is kept."""
    options = webdriver.ChromeOptions()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = CHROMIUM or ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as fresh:
        for flag in (*FLAGS, *flags, f"--user-data-dir={profile or fresh}", f"--window-size={width},1000"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        if width < 500:  # narrower than a window can be
            driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True},
            )
        try:
            yield driver
        finally:
            with suppress(Exception):  # it may have been killed
                driver.quit()


def kill(driver: webdriver.Chrome) -> None:
    """End the browser as a crash does: without a word to its pages."""
    os.kill(driver.capabilities["goog:processID"], signal.SIGKILL)


class Listener:
    """Goes through a test.

    Args:
        answer: what to set for (page, key); for abx whether to find the reference.
    """

    def __init__(self, driver: webdriver.Chrome, answer: Callable[[str, str], Any]) -> None:
        self.driver, self.answer = driver, answer
        self.given: Answers = {}
        self.visited: list[str] = []

    def take(self, url: str, name: str) -> None:
        """From the first page to the thanks."""
        self.open(url)
        assert self.index == 0
        self.walk()
        self.finish(name)
        self.thanked()

    def open(self, url: str) -> None:
        self.driver.get(url)
        self.loaded()

    def loaded(self) -> None:
        """Waits for the page that the session is at."""
        self._wait(lambda _: self._js("return pageManager !== null && pageManager.getPageIndex() >= 0"))
        self._wait(lambda _: self._js("return study.state !== null && study.state.total > 0"))
        assert self._js("return errorHandler.getErrors()") == []

    @property
    def index(self) -> int:
        return int(self._js("return pageManager.getPageIndex()"))

    @property
    def kind(self) -> str:
        return str(self._js("return pageManager.getCurrentPage().constructor.name"))

    def walk(self, pages: int = 1000) -> None:
        """So many pages on, or to the last."""
        for _ in range(pages):
            if self.kind == "FinishPage":
                break
            self.visited.append(self.kind)
            self.rate()
            self.go_on()

    def rate(self) -> None:
        getattr(self, f"_{self.kind}", lambda: None)()

    def go_on(self) -> None:
        index = self.index
        self._click("#__button_next")
        self._wait(lambda _: self.index == index + 1)

    def finish(self, name: str | None) -> None:
        """Answers the questions and sends.

        Args:
            name: None where the address has told it.
        """
        self.visited.append("FinishPage")
        if name is not None:
            assert not self.driver.find_element(By.ID, "send_results").is_enabled()  # before the questions are answered
            self._type("#listener", name)
        self._click("label[for='headphones__response_1']")
        self._click("label[for='age_band__response_2']")
        self._wait(lambda _: self.driver.find_element(By.ID, "send_results").is_enabled())
        self._click("#send_results")

    def thanked(self) -> None:
        self.reads("Your answers were sent")
        assert self._js("return errorHandler.getErrors()") == []

    def reads(self, text: str) -> None:
        """Waits until this is shown over the page."""
        self._wait(lambda _: text in self._js("return ($('#study').text() || '') + $('#study_line').text()"))

    def choose(self, label: str) -> None:
        """Presses a button of what is shown over the page."""
        self._wait(lambda _: label in self._js("return $('#study button').text()"))
        self._js("$('#study button').filter((_, one) => $(one).text() === arguments[0]).trigger('click')", label)

    def values(self) -> list[str]:
        """Where the sliders stand."""
        return [slider.get_attribute("value") for slider in self._sliders()]

    def snapped(self) -> None:
        """Waits until the browser has kept what is on the page."""
        self._wait(lambda _: self._js("return study.state.pages[study.state.index] !== undefined"))
        time.sleep(1.5)

    def told_to_server(self) -> None:
        self._wait(lambda _: self._js("return study.state.confirmed >= study.state.revision"))

    def played(self, what: str) -> None:
        """Waits until a stimulus has been heard on this page."""
        self._wait(lambda _: self._js("return study.state.facts[study.state.index].played[arguments[0]] > 0", what))

    def _MushraPage(self) -> None:
        page = self._js("return pageManager.getCurrentPage().pageConfig.id")
        for number in range(len(self._sliders())):
            slider = self._sliders()[number]
            key = slider.get_attribute("name")
            value = self.answer(page, key)
            assert slider.get_attribute("value") == "100" and not slider.is_enabled()
            self.play(number)
            self._wait(lambda _, number=number: self._sliders()[number].is_enabled())
            self.move(number, value)
            assert self._sliders()[number].get_attribute("value") == str(value)
            self.given[page, key] = value

    def _LikertSingleStimulusPage(self) -> None:
        page, key = self._js("const p = pageManager.getCurrentPage(); return [p.pageConfig.id, p.stimulus.id]")
        assert not self.driver.find_element(By.ID, "__button_next").is_enabled()
        radios = self.driver.find_elements(By.NAME, "1__response")
        assert not any(radio.is_enabled() for radio in radios)  # until it was heard to its end
        self._click("#playCondition0")
        self._wait(lambda _: self.driver.find_element(By.NAME, "1__response").is_enabled())
        value = self.answer(page, key)
        self._click(
            f"label[for='{next(r for r in radios if r.get_attribute('value') == str(value)).get_attribute('id')}']"
        )
        self._wait(lambda _: self.driver.find_element(By.ID, "__button_next").is_enabled())
        self.given[page, key] = value

    def _PairedComparisonPage(self) -> None:
        page, key, a_is_x = self._js(
            "const p = pageManager.getCurrentPage();"
            "return [p.pageConfig.id, p.condition.id, p.mushraAudioControl.getReferenceIndexOfConditions() === 0]"
        )
        for button in ("buttonReference", "buttonConditions0", "buttonConditions1"):
            self._click(f"#{button}")
        right = self.answer(page, key)
        self._click(f"label[for='radio-choice-{'a' if a_is_x == right else 'b'}']")
        self._wait(lambda _: self.driver.find_element(By.ID, "__button_next").is_enabled())
        self.given[page, key] = right

    def play(self, number: int) -> None:
        """Plays a version, which sets its slider free."""
        self._click(f"#buttonConditions{number}")

    def move(self, number: int, value: int) -> None:
        """With the mouse, from where the handle is to where ``value`` is.

        Not with arrow keys: on a handle that has the focus, webMUSHRA and its slider both act on them, in opposite
        directions.
        """
        handle = self.driver.find_elements(By.CSS_SELECTOR, ".ui-slider-handle")[number]
        x, y, top, height = self._js(
            "const track = arguments[0].parentElement; track.scrollIntoView({block: 'center'});"
            "const box = arguments[0].getBoundingClientRect(), top = track.getBoundingClientRect().top;"
            "return [box.left + box.width / 2, box.top + box.height / 2, top, $(track).height()]",
            handle,
        )
        mouse = ActionBuilder(self.driver, duration=0)
        mouse.pointer_action.move_to_location(round(x), round(y)).pointer_down()
        mouse.pointer_action.move_to_location(round(x), round(top + height * (1 - value / 100))).pointer_up()
        mouse.perform()

    def _sliders(self) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, "input.scales")

    def _click(self, selector: str) -> None:
        element = self.driver.find_element(By.CSS_SELECTOR, selector)
        self._wait(lambda _: element.is_displayed())
        self._js("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def _type(self, selector: str, text: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(text)

    def _js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def _wait(self, until: Callable[[Any], Any]) -> None:
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1).until(until)


class Lazy(Listener):
    """Somebody who only presses Next."""

    def _MushraPage(self) -> None:
        pass


class Typist(Listener):
    """A listener with a keyboard alone: webMUSHRA's keys 1, 2, ..., arrows, Tab, Enter and the space bar."""

    def play(self, number: int) -> None:
        self._press(str(number + 1))

    def move(self, number: int, value: int) -> None:
        """By arrows, where the version's button has the focus; and once on the handle itself."""
        for _ in range((100 - value) // 10):
            self._press(Keys.SHIFT + Keys.ARROW_DOWN)
        self._focus(f"#mushra_items .spaceForSlider:nth-of-type({number + 3}) .ui-slider-handle")
        while (now := int(self._sliders()[number].get_attribute("value"))) != value:
            self._press(Keys.ARROW_DOWN if now > value else Keys.ARROW_UP)

    def _click(self, selector: str) -> None:
        self._focus(selector)
        self._press(Keys.SPACE if "label" in selector else Keys.ENTER)

    def _type(self, selector: str, text: str) -> None:
        self._focus(selector)
        for character in text:
            self._press(character)

    def _focus(self, selector: str) -> None:
        """By Tab, from wherever the focus is."""
        place = re.sub(r"label\[for='(\w+)'\]", r"#\1", selector)
        for _ in range(100):
            if self._js("return document.activeElement === document.querySelector(arguments[0])", place):
                return None
            self._press(Keys.TAB)
            group = "const e = document.activeElement; return e.type === 'radio' && e.name === $(arguments[0])[0]?.name"
            if self._js(group, place):  # arrows move within a group of choices
                return self._arrow(place)
        raise AssertionError(f"{selector} cannot be reached by Tab")

    def _arrow(self, place: str) -> None:
        for _ in range(10):
            if self._js("return document.activeElement === document.querySelector(arguments[0])", place):
                return
            self._press(Keys.ARROW_RIGHT)
        raise AssertionError(f"{place} cannot be reached by arrows")

    def _press(self, keys: str) -> None:
        chain = ActionChains(self.driver, duration=0)
        if len(keys) == 2:
            chain.key_down(keys[0]).send_keys(keys[1]).key_up(keys[0])
        else:
            chain.send_keys(keys)
        chain.perform()
