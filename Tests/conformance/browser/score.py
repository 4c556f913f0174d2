"""The view "Score": a picture, drawn or brought from elsewhere, and what the model says of it."""

from playwright.sync_api import expect

from . import pictures, services
from .chromium import check

LOG_PROB = "[data-test=log-prob]"


def said(page):
    return page.locator(LOG_PROB).inner_text()


class Change:
    """Waits at the end of its block until the page says another log-density than before it."""

    def __init__(self, page):
        self.page = page

    def __enter__(self):
        self.before = said(self.page)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            expect(self.page.locator(LOG_PROB)).not_to_have_text(self.before)
            self.page.wait_for_load_state("networkidle")
            self.after = said(self.page)


def opened(page, address):
    page.goto(f"{address}/#/score")
    expect(page.locator(LOG_PROB)).to_be_visible()
    page.wait_for_load_state("networkidle")


def stroke(page, *places):
    """Draws over the board; places are fractions of its width and height."""
    box = page.locator("[data-test=board]").bounding_box()
    for index, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        if index == 0:
            page.mouse.down()
    page.mouse.up()


def draw(browser, address):
    with browser.page(address) as (page, _):
        opened(page, address)
        check("a picture that the model drew is there at once, and scored", page.locator("[data-test=verdict] .badge").is_visible())
        whole = said(page)
        with Change(page) as touched:
            stroke(page, (0.1, 0.1), (0.3, 0.1))
        page.keyboard.press("Control+z")
        expect(page.locator(LOG_PROB)).to_have_text(whole)
        page.keyboard.press("Control+Shift+z")
        expect(page.locator(LOG_PROB)).to_have_text(touched.after)
        page.keyboard.press("Control+z")
        expect(page.locator(LOG_PROB)).to_have_text(whole)
        page.keyboard.press("Control+y")
        expect(page.locator(LOG_PROB)).to_have_text(touched.after)
        check("  a stroke on it changes what it touches: Undo gives its density back to the digit, and Redo that of the stroke", True)
        with Change(page) as empty:
            page.locator("[data-test=clear]").click()
        with Change(page) as drawn:
            stroke(page, (0.3, 0.3), (0.7, 0.3), (0.5, 0.7))
        check(f"a stroke is scored: {empty.after}, then {drawn.after}", drawn.after != empty.after)
        page.locator("[data-test=eraser]").click()
        with Change(page) as erased:
            stroke(page, (0.3, 0.3), (0.5, 0.3))
        page.locator("[data-test=undo]").click()
        expect(page.locator(LOG_PROB)).to_have_text(drawn.after)
        page.locator("[data-test=undo]").click()
        expect(page.locator(LOG_PROB)).to_have_text(empty.after)
        check("  the eraser takes some of it, Undo brings it back, and again leads to the empty board", erased.after not in (drawn.after, empty.after))
        page.locator("[data-test=brush]").click()
        page.locator("[data-test=board]").focus()
        with Change(page):
            page.keyboard.down("Space")
            for _ in range(6):
                page.keyboard.press("ArrowRight")
            page.keyboard.press("Tab")
        lifted = said(page)
        page.keyboard.press("Shift+Tab")
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        page.keyboard.up("Space")
        page.wait_for_load_state("networkidle")
        check("  and it is drawn by the keyboard, as long as one is on the board", said(page) == lifted)
        slider = page.locator("[data-test=overlay-slider]")
        slider.fill("0")
        without = page.locator("[data-test=model-sees]").locator("xpath=..").screenshot()
        slider.fill("100")
        check("  a slider shows what each pixel says", page.locator("[data-test=model-sees]").locator("xpath=..").screenshot() != without)
        page.locator("[data-test=to-complete]").click()
        expect(page.locator("[data-test=complete-board]")).to_be_visible()
        check("  and it is handed over to be completed", page.locator(".masthead nav a[aria-current]").get_attribute("href") == "#/sample")


def bring(browser, address):
    typical = services.typical(address)
    odd = ("noise.png", pictures.noise(80, 60))
    with browser.page(address, permissions=["camera"]) as (page, _):
        opened(page, address)
        badge = page.locator("[data-test=verdict] .badge")
        for name, bring_in in (("dropped", pictures.drop), ("pasted", pictures.paste), ("chosen", pictures.choose)):
            with Change(page):
                bring_in(page, odd)
            expect(badge).to_have_text("outlier")
            with Change(page):
                bring_in(page, typical)
            expect(badge).not_to_have_text("outlier")
            check(f"noise that is {name} is an outlier, a sample is not", True)
        pictures.drop(page, odd)
        expect(badge).to_have_text("outlier")
        check("  with reasons", page.locator("[data-test=reasons] li").count() > 0)
        with Change(page):
            page.locator("[data-test=fit]").select_option("stretch")
        with Change(page):
            pictures.drop(page, ("drawing.svg", pictures.DRAWING))
        check("  an SVG is read", page.locator("#notices .notice").count() == 0)
        pictures.drop(page, ("broken.png", b"no picture"))
        expect(page.locator("#notices .notice")).to_contain_text("broken.png")
        check("  what is no picture is named", True)
        with Change(page):
            page.locator("[data-test=camera]").click()
            page.get_by_role("button", name="Take the picture").click()
        check("a picture of the camera is scored", page.locator("video").count() == 0)


def wall(browser, address):
    files = [*services.samples(address), ("noise.png", pictures.noise(28, 28)), ("broken.png", b"no picture")]
    with browser.page(address) as (page, _):
        opened(page, address)
        pictures.drop(page, *files)
        tiles = page.locator("[data-test=wall-tile]")
        expect(tiles).to_have_count(7)
        check("of eight files seven are on the wall, the most unusual first", tiles.first.get_attribute("aria-label").startswith("noise.png: outlier"))
        check("  and the one that is no picture beside it", "broken.png" in page.locator("[data-test=wall-refused]").inner_text())
        with Change(page):
            tiles.first.click()
        expect(page.locator("[data-test=verdict] .badge")).to_have_text("outlier")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save as CSV").click()
        lines = download.value.path().read_text().splitlines()
        check("  saved as a table of eight rows", len(lines) == 9 and lines[1].startswith("noise.png,outlier"), lines)
        page.locator("[data-test=wall-close]").click()
        check("  closed, it leaves the focus where the next ones are chosen", page.evaluate("document.activeElement.textContent") == "Choose pictures")


def resumed(browser, address):
    """The second of two blocks finds no service, then one."""
    files = [(f"noise-{index}.png", pictures.noise(28, 28, index)) for index in range(40)]
    with browser.page(address) as (page, watch):
        opened(page, address)
        asked = []

        def answer(route):
            asked.append(route.request.post_data_buffer)
            if len(asked) == 2:
                route.abort()
            else:
                route.continue_()

        page.route("**/logprob?*", answer)
        with watch.allowing("ERR_FAILED"):
            pictures.drop(page, *files)
            expect(page.locator("[data-test=wall-status]")).to_contain_text("It broke off: 8 are not scored")
        expect(page.locator("#notices .notice[data-kind=offline]")).to_be_visible()
        page.locator("[data-test=wall-resume]").click()
        expect(page.locator("[data-test=wall-tile]")).to_have_count(40)
        expect(page.locator("#notices .notice")).to_have_count(0)
        sizes = [len(body) // 784 for body in asked]
        check("a wall that broke off goes on where it was", sizes == [32, 8, 8], sizes)


def keyboard(browser, address):
    """The main path without a pointer: open, draw, read the verdict, draw samples, choose one."""
    def tab_to(page, selector):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        check(f"the keyboard reaches {selector}", False)

    with browser.page(address) as (page, _):
        opened(page, address)
        tab_to(page, "[data-test=clear]")
        with Change(page):
            page.keyboard.press("Enter")
        page.keyboard.press("Shift+Tab")
        page.evaluate("document.activeElement.blur()")
        tab_to(page, "[data-test=board]")
        with Change(page):
            page.keyboard.press("Space")
            for _ in range(5):
                page.keyboard.press("ArrowDown")
        page.evaluate("document.activeElement.blur()")
        tab_to(page, "nav a[href='#/sample']")
        page.keyboard.press("Enter")
        tab_to(page, "[data-test=sample-go]")
        expect(page.locator("[data-test=sample-stop]")).to_be_disabled()
        tab_to(page, "[data-test=tile]")
        page.keyboard.press("Enter")
        expect(page.locator("[data-test=one-verdict] .badge")).to_be_visible()
        check("the main path goes by the keyboard alone", page.evaluate("document.activeElement.closest('[data-test=one-panel]') !== null"))


def anything(browser, address):
    """A model of another kind: its views do what they can, and say what the file does not hold."""
    with browser.page(address) as (page, _):
        opened(page, address)
        expect(page.locator("[data-test=verdict]")).to_contain_text("No verdict")
        with Change(page):
            stroke(page, (0.2, 0.2), (0.8, 0.8))
        check("without verdicts a drawing has a density", page.locator(LOG_PROB).inner_text().startswith("log p"))
        page.locator("nav a[href='#/sample']").click()
        page.locator("[data-test=tile]").first.click()
        for part, found in (("neighbours", "[data-test=neighbour]"), ("interpolation", "[data-test=interpolate]"), ("completion", "[data-test=complete]")):
            page.locator(f"[data-test=open-{part}]").click()
            expect(page.locator(found).first).to_be_visible()
        page.locator("[data-test=complete-go]").click()
        expect(page.locator("[data-test=completion]")).to_have_count(8)
        check("  its samples have neighbours and completions", True)
        page.goto(f"{address}/#/model")
        expect(page.locator("[data-test=model-card]")).to_contain_text("3 channels")
        for step in range(1, 6):
            page.goto(f"{address}/#/learn?step={step}")
            expect(page.locator(f"[data-test=learn-step-{step}] h2")).to_be_visible()
            page.wait_for_load_state("networkidle")
        expect(page.locator("#notices .notice")).to_have_count(0)
        check("  its card and the five steps are shown", True)
