"""The microphone of `bench listen`, in headless Chromium with a device that beeps."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bench.commands.listen import Listening
from bench.commands.loopback import Loopback
from bench.commands.settings import Listen
from results.report import sheet
from tests.listening_test.browser import CHROMIUM, DRIVER, PATIENCE, chromium


def test_what_is_recorded_is_heard_through_every_method() -> None:
    if not (CHROMIUM and DRIVER):
        pytest.skip("Chromium and chromedriver are not installed: there is no browser to test in")
    from selenium.webdriver.support.ui import WebDriverWait

    listening = Listening(Listen.of({"methods": ["noisy", "logmmse"], "metrics": ["srmr"]}))
    server = Loopback(sheet.page("Listen", [], microphone=True), listening.recorded)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        with chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as driver:
            driver.get(server.address)

            def until(code: str) -> Any:
                return WebDriverWait(driver, PATIENCE, poll_frequency=0.1).until(lambda d: d.execute_script(code))

            button = driver.find_element("id", "microphone")
            assert driver.execute_script("microphone.click(); return microphone.disabled")  # one click, one recording
            until("return recorder !== null && recorder.state === 'recording'")
            driver.execute_async_script("setTimeout(arguments[0], 1200)")
            button.click()
            until("return players.length === 1 && players[0].length > 0.5")
            assert driver.execute_script("return players[0].tracks.map(track => track.name)") == [
                *("unprocessed", "noisy", "logmmse")
            ]
            assert driver.execute_script("return told.value") == ""
            driver.find_element("css selector", ".play").click()
            until("return players[0].source !== null && players[0].time > 0.05")
            assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []
    finally:
        server.close()
        thread.join()
