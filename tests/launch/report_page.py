"""The page of `ringtrain report` in headless Chromium, light and dark, from 400 to 1600 pixels: nothing is cut off or lies over another, nothing is asked of
the network, values show under the pointer, and it reads without scripts. `report_page.py FOLDER` leaves pictures there."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from report_runs import SHOP, train_shops  # noqa: E402
from serving_page import Page  # noqa: E402

# Elements that leave the window, but for what scrolls by itself.
CUT = """return [...document.querySelectorAll('body *')].filter(one => !one.closest('.scroll, pre, svg') &&
  (one.getBoundingClientRect().right > document.documentElement.clientWidth + 1 || one.getBoundingClientRect().left < -1)).map(one => one.outerHTML.slice(0, 80))"""
# Texts of a plot that lie over each other, or outside of it.
CROSSED = """return [...document.querySelectorAll('figure > svg')].flatMap(svg => {
  const frame = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll('text')].map(one => [one.textContent, one.getBoundingClientRect()]);
  const outside = texts.filter(([, a]) => a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 2).map(([text]) => 'outside: ' + text);
  return outside.concat(texts.flatMap(([text, a], i) => texts.slice(i + 1).filter(([, b]) =>
    a.left < b.right - .5 && b.left < a.right - .5 && a.top < b.bottom - 3 && b.top < a.bottom - 3).map(([other]) => text + ' over ' + other)));
})"""
# Of text on its background, as WCAG has it.
FAINT = """const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(one => { one /= 255; return one <= .03928 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const card = light(getComputedStyle(document.querySelector('section')).backgroundColor);
  return [...document.querySelectorAll('h2, p, th, td, small, .dim, a, svg text')].filter(one => { const own = getComputedStyle(one), ink = light(one.closest('svg') ? own.fill : own.color);
    return (Math.max(ink, card) + .05) / (Math.min(ink, card) + .05) < 4.5; }).map(one => one.outerHTML.slice(0, 80))"""


def look(page, name):
    for width in (400, 900, 1600):
        for scheme in ("light", "dark"):
            page.size(width)
            page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            for what, script in (("cut off", CUT), ("over each other", CROSSED), ("too faint", FAINT)):
                found = page.driver.execute_script(script)
                assert not found, (name, width, scheme, what, found[:5])
            page.picture(f"{name}-{width}-{scheme}.png", whole=True)


def open_file(page, file):
    page.driver.get(file.as_uri())
    urls = page.driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    said = [one for one in page.driver.get_log("browser") if one["level"] in ("SEVERE", "WARNING")]
    assert not urls and not said, (urls, said)


def main():
    with jobs.Folder() as folder:
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "cancer", *jobs.sets(trainer__epochs=12))
        train_shops(folder)
        jobs.run("report", folder / "cancer", folder / "shops", "--output", folder / "both.html")
        drifted = jobs.run("drift", folder / "cancer/export/cancer", "datasets/cancer.csv", "--html", folder / "drift.html", expect=None)
        assert drifted.returncode in (0, 1, 2), drifted.stderr
        with Page(folder) as page:
            for name, file in (("drift", folder / "drift.html"), ("cancer", folder / "cancer/report.html"), ("shops", folder / "shops/report.html"), ("both", folder / "both.html")):
                open_file(page, file)
                look(page, name)
            open_file(page, folder / "shops/report.html")
            assert page.driver.title == "shops · ringtrain report", page.driver.title
            assert SHOP in page.text("#slices"), "the column's name is shown as it is"
            page.driver.execute_script("""const svg = document.querySelector('figure > svg'), box = svg.getBoundingClientRect();
              svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width * 464 / 480, clientY: box.top + 20}))""")
            assert re.search(r"validation: \d", page.text(".tip")), page.text(".tip")
            # Without scripts the page is the same but for that.
            before = page.text("main")
            page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
            page.driver.get((folder / "shops/report.html").as_uri())
            page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
            after = page.text("main")
            assert after and set(after.split()) <= set(before.split()), "without scripts"
            print("the page: light and dark, 400 to 1600 pixels")


main()
