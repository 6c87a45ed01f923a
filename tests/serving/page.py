"""The page of `ringtrain serve` in headless Chromium, used as a person uses it: models and versions are listed, a form is filled, the answer is
what `ringtrain predict` says, mistakes are named, and nothing is asked of any other host. `page.py FOLDER` leaves pictures there."""

import csv
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server, numeric_rows  # noqa: E402
from serving_page import By, Keys, Page  # noqa: E402

# Names and words that a page must show as they are.
AMOUNT, SHOP = "prix, \"€\" it's", "<i>shop</i>"
SHOPS = ["air", "<b>&", "café \"été\" 'x'"]
LABELS = ["<script>document.title='bad'</script>", "oui & \"ça\"", "не знаю"]


def write_tables(folder):
    draw = random.Random(7)
    with (folder / "shops.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([AMOUNT, "length", SHOP, "kind"])
        for _ in range(900):
            amount, length, shop = round(draw.lognormvariate(3, 1), 3), draw.randrange(24), draw.choice(SHOPS)
            writer.writerow([amount, length, shop, LABELS[0 if amount > 40 else 1 if shop == "air" or length > 12 else 2]])
    with (folder / "prices.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rooms", "area", "price"])
        for i in range(600):
            rooms, area = draw.randrange(1, 7), draw.uniform(20, 200)
            writer.writerow([rooms, f"{area:.2f}" if i % 9 else "", f"{rooms / 3 + area / 50 + draw.gauss(0, 0.1):.4f}"])


def train(folder):
    """A model of each kind: cancer (30 columns, binary), shops (two versions and one that is broken), prices (a regression), torn (cannot be loaded)."""
    write_tables(folder)
    base = folder / "models"

    def run(name, job, **fields):
        arguments = jobs.sets(name=name, export__repository=str(base), trainer__epochs=4, **fields)
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / job, *arguments)

    run("cancer", "cancer")
    shops = {"data__train_file": str(folder / "shops.csv"), "data__target": "kind", "data__features__categorical": [SHOP], "task__type": "classification",
             "trainer__checkpoint__metric": "loss"}
    run("shops", "shops-1", **shops)
    run("shops", "shops-2", seed=5, **shops)
    run("prices", "prices", data__train_file=str(folder / "prices.csv"), data__target="price", data__split__stratify=False, data__missing__numeric="mean",
        task__type="regression", trainer__checkpoint__metric="loss")
    jobs.run("versions", "policy", base / "shops", "all")
    for broken in ("shops/3", "torn/1"):
        shutil.copytree(base / "shops/1", base / broken)
        (base / broken / "model.pt").write_bytes(b"garbage")
    return base


def predicted(folder, version, row):
    (folder / "row.jsonl").write_text(json.dumps(row) + "\n")
    return json.loads(jobs.run("predict", version, "--json-instances", folder / "row.jsonl").stdout)


def same(answer, expected):
    assert answer.keys() == expected.keys() and answer.get("label") == expected.get("label"), (answer, expected)
    numbers = [(answer["prediction"], expected["prediction"])] if "prediction" in answer else list(zip(answer["probabilities"], expected["probabilities"], strict=True))
    worst = max(abs(a - b) for a, b in numbers)
    assert worst < 1e-5, (answer, expected)
    return worst


def bars(page):
    """What the bars say: label, share as text, width."""
    return [(*(one.text for one in bar.find_elements(By.TAG_NAME, "span")), bar.find_element(By.TAG_NAME, "i").size["width"] / bar.find_element(By.CSS_SELECTOR, ".bar").size["width"])
            for bar in page.all("#answer .share")]


def classes_are_shown(page, answer, labels):
    assert page.text("#answer .said") == answer["label"]
    for (label, text, width), expected, share in zip(bars(page), labels, answer["probabilities"], strict=True):
        assert label == expected and abs(width - share) < 0.01, (label, expected, width, share)
        assert text.startswith((">", "<")) or abs(float(text.split()[0]) - 100 * share) < 0.0051, (text, share)


def lists_models(page, server):
    page.open(server)
    page.until(lambda: page.all("form.row"), "the form is there")
    assert [one.text for one in page.all("nav h3")] == ["cancer", "prices", "shops", "torn"]
    cancer, prices, shops, torn = [one.text for one in page.all("nav section")]
    assert "binary classification" in cancer and "regression" in prices and "version 1, live" in prices, (cancer, prices)
    assert "version 2, live" in shops and "\nversion 1\n" in shops + "\n" and "version 3: not loaded" in shops and "model.pt" in shops, shops
    assert "version 1: not loaded" in torn and "model.pt" in torn, torn
    assert page.text("main h2") == "cancer" and "diagnosis: benign or malignant" in page.text("main"), page.text("main")


def answers_as_predicted(page, folder, base, row):
    """With names, words and labels that are markup, and a choice of versions."""
    worst = 0
    for version, link in (("2", None), ("1", "version 1"), ("2", "version 2, live")):
        page.choose("shops", link)
        page.fill(row)
        page.press()
        expected = predicted(folder, base / "shops" / version, row)
        answer = page.reply()
        worst = max(worst, same(answer, expected))
        classes_are_shown(page, answer, sorted(LABELS))
    assert predicted(folder, base / "shops/1", row) != expected, "the versions do not differ"
    assert not page.all("main i:not(.bar i), main script, nav i") and "bad" not in page.driver.title, "a label became markup"
    return worst


def curl_repeats_it(page, row):
    """The command as a person copies it, pasted into a shell."""
    page.press()
    answer = page.reply()
    (copy,) = [one for one in page.all("#answer button") if one.text == "Copy"]
    copy.click()
    page.until(lambda: copy.text == "Copied", "it was copied")
    page.one("form.row summary").click()
    pasted = page.one("#paste")
    pasted.send_keys(Keys.CONTROL, "v")
    command = pasted.get_property("value")
    assert command == page.one("#command").get_property("textContent") and json.dumps(row[AMOUNT]) in command, command
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30)
    same(json.loads(done.stdout)["predictions"][0], answer)


def mistakes_are_named(page):
    """In the form at once; what only the server knows, in its words. Returns the requests that were refused."""
    page.choose("shops", "version 2, live")
    fields = page.fields()
    for text, complaint in (("", "Needed"), ("twelve", "“twelve” is no number"), ("1,5", "a point, not a comma"), ("0x10", "is no number")):
        page.fill({"length": text})
        assert "look at length" in page.press()
        field = fields["length"]
        said = page.one("#" + field.get_attribute("aria-describedby"))
        assert complaint in said.text and said.is_displayed() and field.get_attribute("aria-invalid") == "true", said.text
        assert field == page.driver.switch_to.active_element
    field.clear()
    field.send_keys("3")
    assert field.get_attribute("aria-invalid") == "false" and not said.is_displayed()
    page.fill({"length": "1e300"})
    assert "field 'length': expected a number within the range of float32" in page.press()
    page.fill({"length": "3"})
    page.press()
    assert page.text("#answer .said") in LABELS
    return [(400, "/v1/models/shops:predict")]


def another_model_another_form(page, folder, base):
    page.choose("prices")
    assert list(page.fields()) == ["rooms (may be empty)", "area (may be empty)"], page.fields().keys()
    assert "Predicts price: a number" in page.text("main")
    for row in ({"rooms": 3, "area": 71.5}, {"rooms": 4, "area": None}):
        page.fill(row)
        page.press()
        answer = page.reply()
        same(answer, predicted(folder, base / "prices/1", row))
        assert float(page.text("#answer .said")) == answer["prediction"]
    page.choose("torn")
    assert "No version of this model could be loaded" in page.text("main") and "model.pt" in page.text("main") and not page.fields()
    page.driver.back()
    page.until(lambda: page.text("main h2") == "prices", "the browser's back button goes back")


def by_keyboard(page, server):
    """Without a mouse: every control can be reached and says what it is; Enter in a field asks."""
    page.open(server)
    page.until(lambda: page.all("form.row"), "the form is there")

    def tab_to(found):
        for _ in range(100):
            page.driver.switch_to.active_element.send_keys(Keys.TAB)
            if found(page.driver.switch_to.active_element):
                return page.driver.switch_to.active_element
        raise AssertionError("the tabulator does not reach it")

    tab_to(lambda one: one.text == "prices").send_keys(Keys.ENTER)
    page.until(lambda: page.text("main h2") == "prices", "Enter on a link shows the model")
    tab_to(lambda one: one.accessible_name.startswith("area")).send_keys(Keys.CONTROL + "a", "50", Keys.ENTER)
    page.until(lambda: page.text("#answer .said"), "Enter in a field asks")
    nameless = [one.get_attribute("outerHTML") for one in page.all("input, select, textarea, button, a") if one.is_displayed() and not one.accessible_name]
    assert not nameless, nameless


def thirty_columns(page, folder, base, server):
    """A row that somebody has already is pasted; and the page fits a telephone."""
    names, rows = numeric_rows(base / "cancer/1", 20)
    expected = [predicted(folder, base / "cancer/1", row) for row in rows]
    page.open(server, "#cancer")
    page.until(lambda: page.all("form.row"), "the form is there")
    assert list(page.fields()) == names, (list(page.fields()), names)
    page.one("form.row summary").click()
    paste = page.one("#paste")
    for i, text in ((0, json.dumps(rows[0])), (5, json.dumps(list(rows[5].values()))), (1, ",".join(map(str, rows[1].values()))),
                    (19, "\t".join(["diagnosis", *names]) + "\n" + "\t".join(["benign", *map(str, rows[19].values())]))):
        page.driver.execute_script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))", paste, text)
        assert "30 of 30 fields filled" in page.text("form.row details"), page.text("form.row details")
        page.press()
        answer = page.reply()
        same(answer, expected[i])
        classes_are_shown(page, answer, ["benign", "malignant"])
    paste.clear()
    paste.send_keys("1,2")
    assert "Expected 30 values" in page.text("form.row details")
    paste.clear()
    page.one("form.row details summary").click()
    page.press()
    for width in (1200, 400):
        page.size(width, 900 if width > 500 else 800)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
        page.driver.execute_script("scrollTo(0, 0)")
        page.picture(f"page-{width}.png", whole=width < 500)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    page.picture("page-400-dark.png", whole=True)
    page.size(1200)
    page.picture("page-1200-dark.png")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def shows_what_is_tried(page, base, row):
    """A shadow of the live version, with what both answered; it comes and goes while a person fills the form."""
    jobs.run("versions", "promote", base / "shops", 2)  # the newest one is broken
    jobs.run("versions", "shadow", base / "shops", 1)
    with Server(base, "--poll-seconds", "0.1") as server:
        page.open(server, "#shops")
        page.until(lambda: "Version 1 is a shadow of version 2" in page.text("#tried"), "it is said what is tried")
        page.fill(row)
        page.press()
        page.until(lambda: "of 1 rows" in page.text("#tried") and "ms" in page.text("#tried"), "the answers are compared")
        page.fill({"length": "17"})
        jobs.run("versions", "shadow", base / "shops", "--stop")
        page.until(lambda: not page.text("#tried"), "it goes")
        assert page.fields()["length"].get_property("value") == "17", "the form was drawn anew"
        page.logs_are_clean()


def wants_a_token(page, folder, base, row):
    (folder / "tokens").write_text("first\nsecond-42\n")
    with Server(base, "--token-file", folder / "tokens") as server:
        page.open(server)
        page.until(lambda: page.all("#token input") and page.one("#token input").is_displayed(), "the page asks for a token")
        assert "wants a token" in page.text("#token") and not page.all("nav section")
        token = page.one("#token input")
        assert token.accessible_name == "Token" and token.get_attribute("type") == "password"
        token.send_keys("wrong", Keys.ENTER)
        page.until(lambda: "does not accept this token" in page.text("#token"), "a wrong token is refused")
        assert not page.all("nav section")
        token.clear()
        token.send_keys("second-42", Keys.ENTER)
        page.until(lambda: page.all("form.row"), "the form is there")
        assert not token.is_displayed()
        page.choose("shops")
        page.fill(row)
        page.press()
        answer = page.reply()
        same(answer, predicted(folder, base / "shops/2", row))
        command = page.text("#command")
        assert "second-42" not in command and "$TOKEN" in command, command
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, env={"TOKEN": "first", "PATH": "/usr/bin:/bin"})
        same(json.loads(done.stdout)["predictions"][0], answer)
        page.logs_are_clean([(401, "/v1/models")] * 2)


def says_what_is_wrong(page, folder, base):
    """A server that has loaded nothing, and one that is gone."""
    shutil.copytree(base / "torn", folder / "broken/torn")
    with Server(folder / "broken") as server:
        page.open(server)
        page.until(lambda: "No version of this model could be loaded" in page.text("main"), "it says that nothing is loaded")
        assert "version 1: not loaded" in page.text("nav") and "model.pt" in page.text("main")
        page.logs_are_clean()
    with Server(base) as server:
        page.open(server, "#prices")
        page.until(lambda: page.all("form.row"), "the form is there")
        page.logs_are_clean()
    assert page.press() == "The server does not answer."


def main():
    row = {AMOUNT: 38.25, "length": 9, SHOP: SHOPS[2]}
    with jobs.Folder() as folder:
        base = train(folder)
        with Page(folder) as page:
            with Server(base) as server:
                lists_models(page, server)
                worst = answers_as_predicted(page, folder, base, row)
                curl_repeats_it(page, row)
                page.logs_are_clean()
                page.logs_are_clean(mistakes_are_named(page))
                another_model_another_form(page, folder, base)
                by_keyboard(page, server)
                page.logs_are_clean()
                thirty_columns(page, folder, base, server)
                page.logs_are_clean()
            shows_what_is_tried(page, base, row)
            wants_a_token(page, folder, base, row)
            says_what_is_wrong(page, folder, base)
            print(f"the page answers as predict does (largest difference {worst:.1e}); {page.requests} requests, all to the server; no error in the console")


main()
