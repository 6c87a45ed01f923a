"""The page of `ringtrain serve` in headless Chromium, as a person uses it. Where there is no browser, the test that imports this ends with 77."""

import base64
import json
import sys
import time
from pathlib import Path

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys  # noqa: F401
except ImportError as reason:
    print(f"NOT RUN: {reason}")
    sys.exit(77)
if missing := [program for program in (CHROMIUM, DRIVER) if not Path(program).exists()]:
    print(f"NOT RUN: {', '.join(missing)} is not installed")
    sys.exit(77)


class Page:
    """Chromium at a server's page, and what a person sees there. Pictures go to the folder that the program was given, if it was."""

    def __init__(self, folder):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        profile = folder / "browser"
        for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", f"--user-data-dir={profile}",
                       "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.size(1200)
        self.driver.get("about:blank")
        self.driver.get_log("performance")  # of the browser's own first page
        self.requests, self.origin = 0, ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def size(self, width, height=900):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def open(self, server, hash=""):
        self.origin = f"http://127.0.0.1:{server.port}"
        self.driver.get("about:blank")
        self.driver.get(self.origin + "/" + hash)

    def until(self, condition, what):
        end = time.monotonic() + 20
        while not (found := condition()):
            assert time.monotonic() < end, f"not seen: {what}; the page says: {self.text('body')}"
            time.sleep(0.05)
        return found

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        """What can be seen, at one moment."""
        script = "return [...document.querySelectorAll(arguments[0])].filter(one => one.checkVisibility()).map(one => one.innerText).join('\\n')"
        return self.driver.execute_script(script, selector)

    def choose(self, model, link=None):
        """Clicks on a model's name, or on one of its versions."""
        (section,) = [one for one in self.all("nav section") if one.find_element(By.TAG_NAME, "h3").text == model]
        section.find_element(By.LINK_TEXT, link or model).click()
        self.until(lambda: self.text("main h2") == model, f"{model} is shown")
        if link:
            number = link.split()[1].rstrip(",")
            self.until(lambda: f"Version {number}," in self.text("main"), f"{link} is shown")

    def fields(self):
        """By what a screen reader calls them."""
        return {one.accessible_name: one for one in self.all("form.row .fields input, form.row .fields select, form.row .fields textarea")}

    def fill(self, row):
        fields = self.fields()
        for name, value in row.items():
            (field,) = [one for spoken, one in fields.items() if spoken in (name, f"{name} (may be empty)")]
            if field.tag_name == "select":
                (option,) = [one for one in field.find_elements(By.TAG_NAME, "option") if one.get_property("value") == (value or "")]
                option.click()
            else:
                field.clear()
                field.send_keys("" if value is None else str(value))

    def press(self):
        """The button; returns what the page then says."""
        self.driver.execute_script("document.getElementById('answer').replaceChildren()")
        (button,) = [one for one in self.all("form.row button") if one.text == "Ask the model"]
        button.click()
        return self.until(lambda: self.text("#answer"), "there is an answer")

    def reply(self):
        assert self.all("#answer summary"), f"no answer: {self.text('#answer')}"
        self.one("#answer summary").click()
        (answer,) = json.loads(self.text("#answer details pre"))["predictions"]
        return answer

    def logs_are_clean(self, refused=()):
        """No error in the console but the refused requests (status, end of the address), each said; no request but to the server."""
        said = [one for one in self.driver.get_log("browser") if one["level"] in ("SEVERE", "WARNING")]
        expected = [(status, self.origin + path) for status, path in refused]
        seen = [next(((status, url) for status, url in expected if one["source"] == "network" and one["message"].startswith(url + " ") and f"status of {status}" in one["message"]), one)
                for one in said]
        assert seen == expected, (seen, expected)
        events = [json.loads(one["message"])["message"] for one in self.driver.get_log("performance")]
        urls = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
        self.requests += len(urls)
        assert urls and all(url.startswith(self.origin + "/") for url in urls if url != "about:blank"), urls
        for url in self.driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)"):
            assert url.startswith(self.origin + "/"), url

    def picture(self, file, whole=False):
        if len(sys.argv) > 1:
            options = {"captureBeyondViewport": whole}
            if whole:
                size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
                options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            data = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
            (Path(sys.argv[1]) / file).write_bytes(base64.b64decode(data))
