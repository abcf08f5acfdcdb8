"""The page in a real Chromium: what it shows in each state, at each width and scheme. `make test-preview` runs it.

Its screenshots, for people to look at, come into `out/preview`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face
from preview_site import Ambiguous, site, token_file, until
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from mien.cameras.demo import DemoCamera
from mien.frame import Frame
from mien.health import Pulse
from mien.preview.settings import PreviewSettings
from mien.reader import FaceReader

OUT = Path(__file__).parents[3] / "out/preview"
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


class LiveDemo(DemoCamera):
    """The demo clip round and round, as a camera that gives 25 frames a second."""

    live = True
    period_ns = None

    def frames(self) -> Iterator[Frame]:
        sequence = 0
        while not self._closed:
            for frame in super().frames():
                time.sleep(0.04)
                yield replace(frame, sequence=sequence, captured_at=time.monotonic_ns(), media_time=None)
                sequence += 1


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    for program, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is missing; install it: sudo apt install {package}")
    options = webdriver.ChromeOptions()
    profile = tmp_path_factory.mktemp("profile")
    for switch in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync", f"user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    OUT.mkdir(parents=True, exist_ok=True)
    yield driver
    driver.quit()


def view(browser: WebDriver, size: str = "desktop", scheme: str = "light") -> None:
    width, height = SIZES[size]
    phone = size == "phone"
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def text(browser: WebDriver, name: str) -> str:
    return browser.find_element(By.ID, name).text


def shown(browser: WebDriver, name: str) -> bool:
    """Whether the live view has arrived, as pixels."""
    return bool(
        browser.execute_script(f"const e = document.getElementById('{name}'); return !e.hidden && e.naturalWidth")
    )


def shoot(browser: WebDriver, name: str) -> None:
    time.sleep(0.3)
    assert browser.save_screenshot(str(OUT / f"{name}.png"))


def complaints(browser: WebDriver) -> list[str]:
    """What the console says: a violated policy, an error, a file that is not there."""
    return [entry["message"] for entry in browser.get_log("browser")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_running_page_fits_its_width_and_breaks_no_policy_of_its_own(
    browser: WebDriver, size: str, scheme: str
) -> None:
    camera = LiveDemo()
    with site(camera, reader=FaceReader()) as here:
        view(browser, size, scheme)
        browser.get(here.page.urls[0])
        until(lambda: text(browser, "status-text") == "running" and shown(browser, "picture"))
        until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#faces > li")) == 1)
        time.sleep(1)
        shoot(browser, f"running-{size}-{scheme}")
        if size == "phone":
            browser.execute_script("document.querySelector('details').open = true; scrollTo(0, 1e6)")
            shoot(browser, f"figures-{size}-{scheme}")
        wide = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide == 0
        ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        red = int(ground.removeprefix("rgb(").split(",")[0])
        assert (red > 200) == (scheme == "light")
        assert float(text(browser, "rate")) > 10
        assert complaints(browser) == []
        asked = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert len(asked) >= 3
        assert all(str(name).startswith(here.page.urls[0]) for name in asked)


def test_an_uncertain_reading_says_its_reason_and_every_probability(browser: WebDriver) -> None:
    with site(reader=FaceReader(FakeDetector([face(), face(left=90, score=0.8)]), Ambiguous())) as here:
        view(browser, "phone", "dark")
        browser.get(here.page.urls[0])
        until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#faces > li")) == 2)
        item = browser.find_element(By.CSS_SELECTOR, "#faces > li").text.split("\n")
        assert item[:3] == ["uncertain", "face 1", "ambiguous; most probable: happiness"]
        assert item[3:] == ["neutral", "45 %", "happiness", "55 %"]
        assert browser.find_element(By.CSS_SELECTOR, ".bars .top .label").text == "happiness"
        browser.execute_script("document.querySelector('.readings').scrollIntoView()")
        shoot(browser, "uncertain-phone-dark")


def test_nobody_in_view_is_said(browser: WebDriver) -> None:
    with site(reader=FaceReader(FakeDetector(), FakeClassifier())) as here:
        view(browser)
        browser.get(here.page.urls[0])
        until(lambda: text(browser, "nobody") == "No face in view.")
        shoot(browser, "no-face-desktop-light")


def test_the_keyboard_pauses_and_resumes_and_a_pause_shows_no_picture(browser: WebDriver) -> None:
    with site() as here:
        view(browser)
        browser.get(here.page.urls[0])
        until(lambda: shown(browser, "picture"))
        browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        assert browser.switch_to.active_element.text == "Pause"
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        until(lambda: text(browser, "status-text") == "paused")
        assert here.pipeline.paused
        until(lambda: not shown(browser, "picture") and here.page.view.viewers == 0)
        assert text(browser, "cover") == "Paused. Nothing is read."
        assert text(browser, "nobody") == "No readings at present."
        assert browser.switch_to.active_element.text == "Resume"
        shoot(browser, "paused-desktop-light")
        browser.switch_to.active_element.send_keys(Keys.SPACE)
        until(lambda: text(browser, "status-text") == "running" and shown(browser, "picture"))
        assert complaints(browser) == []


@pytest.mark.parametrize(
    ("state", "said", "covered"),
    [
        ("running", "stalled: last frame 3", "Stalled. Last frame 3"),
        ("recovering", "camera recovering: last frame 3", "Camera recovering. Last frame 3"),
    ],
)
def test_a_camera_without_new_frames_is_called_so(browser: WebDriver, state: str, said: str, covered: str) -> None:
    gate = [False]

    class Stalling(FakeCamera):
        def frames(self) -> Iterator[Frame]:
            for frame in super().frames():
                while gate[0] and not self._closed.is_set():
                    time.sleep(0.01)
                yield frame

    camera = Stalling(interval=0.01)
    with site(camera) as here:
        here.pipeline.pulse = Pulse(limit=2, recovering=lambda: camera.state == "recovering")
        view(browser, "desktop", "dark")
        browser.get(here.page.urls[0])
        until(lambda: shown(browser, "picture"))
        gate[0] = True
        camera.state = state  # type: ignore[assignment]
        until(lambda: text(browser, "status-text").startswith(said))
        assert text(browser, "cover").startswith(covered)
        assert text(browser, "nobody") == "No readings at present."
        shoot(browser, f"{said.split(':')[0].replace(' ', '-')}-desktop-dark")
        gate[0] = False
        camera.state = "running"
        until(lambda: text(browser, "status-text") == "running")


def test_a_page_whose_mien_is_gone_says_so_and_recovers_nothing_stale(browser: WebDriver) -> None:
    with site() as here:
        view(browser, "phone", "light")
        browser.get(here.page.urls[0])
        until(lambda: shown(browser, "picture"))
    until(lambda: text(browser, "status-text") == "no connection to mien")
    assert not browser.find_elements(By.CSS_SELECTOR, "#faces > li")
    assert not shown(browser, "picture")
    assert {text(browser, name) for name in ("rate", "latency", "age", "frames", "dropped")} == {"–"}
    shoot(browser, "gone-phone-light")


def test_a_hidden_tab_looks_at_nothing(browser: WebDriver) -> None:
    with site() as here:
        view(browser)
        browser.get(here.page.urls[0])
        until(lambda: here.page.view.viewers == 1)
        first = browser.current_window_handle
        browser.switch_to.new_window("tab")
        try:
            until(lambda: here.page.view.viewers == 0)
        finally:
            browser.close()
            browser.switch_to.window(first)


def test_the_token_is_asked_for_and_remembered(browser: WebDriver, tmp_path: Path) -> None:
    with site(settings=PreviewSettings("127.0.0.1:0", str(token_file(tmp_path)))) as here:
        view(browser, "phone", "light")
        browser.get(here.page.urls[0])
        shoot(browser, "token-phone-light")
        browser.switch_to.active_element.send_keys("0123456789abcdef", Keys.ENTER)
        until(lambda: bool(browser.find_elements(By.ID, "status-text")) and text(browser, "status-text") == "running")
        assert browser.current_url == here.page.urls[0]
        until(lambda: shown(browser, "picture"))
        browser.refresh()
        until(lambda: shown(browser, "picture"))
        browser.delete_all_cookies()
