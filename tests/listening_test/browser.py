"""A listener with a real browser: headless Chromium, driven page by page as a person would."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
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
def chromium(*flags: str) -> Iterator[webdriver.Chrome]:
    """A browser with a fresh profile, whose console can be read."""
    options = webdriver.ChromeOptions()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = CHROMIUM or ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, *flags, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            yield driver
        finally:
            driver.quit()


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
        self.driver.get(url)
        self._wait(lambda _: self._js("return pageManager !== null && pageManager.getPageIndex() === 0"))
        assert self._js("return errorHandler.getErrors()") == []
        while (kind := self._js("return pageManager.getCurrentPage().constructor.name")) != "FinishPage":
            self.visited.append(kind)
            getattr(self, f"_{kind}", lambda: None)()
            index = self._js("return pageManager.getPageIndex()")
            self._click("#__button_next")
            self._wait(lambda _, index=index: self._js("return pageManager.getPageIndex()") == index + 1)
        self.visited.append("FinishPage")
        assert not self.driver.find_element(By.ID, "send_results").is_enabled()  # before the questions are answered
        self.driver.find_element(By.ID, "listener").send_keys(name)
        self._click("label[for='headphones__response_1']")
        self._click("label[for='age_band__response_2']")
        self._wait(lambda _: self.driver.find_element(By.ID, "send_results").is_enabled())
        self._click("#send_results")
        self._wait(lambda _: "Your answers were sent" in self.driver.find_element(By.ID, "popupDialog").text)
        assert self._js("return errorHandler.getErrors()") == []

    def _MushraPage(self) -> None:
        page = self._js("return pageManager.getCurrentPage().pageConfig.id")
        for number in range(len(self._sliders())):
            slider = self._sliders()[number]
            key = slider.get_attribute("name")
            value = self.answer(page, key)
            assert slider.get_attribute("value") == "100" and not slider.is_enabled()
            self._click(f"#buttonConditions{number}")  # plays it, and sets its slider free
            self._wait(lambda _, number=number: self._sliders()[number].is_enabled())
            self._drag(number, value)
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

    def _drag(self, number: int, value: int) -> None:
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

    def _js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def _wait(self, until: Callable[[Any], Any]) -> None:
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1).until(until)
