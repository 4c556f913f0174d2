"""The view "Sample": a gallery that fills while rows come, and what one does with one of them."""

import re
import struct

from playwright.sync_api import expect

from .chromium import check

TILES = "[data-test=tile]"
PIXELS = "(node) => node.toDataURL()"
# Of a copy, since Chromium warns of canvases that are read often.
LEVELS = """(node) => {
    const copy = new OffscreenCanvas(node.width, node.height).getContext("2d", {willReadFrequently: true});
    copy.drawImage(node, 0, 0);
    return [...copy.getImageData(0, 0, node.width, node.height).data];
}"""


def tiles(page):
    return page.locator(TILES)


def opened(page, address, seed=7, count=6):
    page.goto(f"{address}/#/sample?seed={seed}&count={count}")
    expect(tiles(page)).to_have_count(count)
    expect(page.locator("[data-test=sample-stop]")).to_be_disabled()


def stream(browser, address):
    with browser.page(address) as (page, _):
        page.goto(f"{address}/#/sample?seed=7&count=256")
        page.wait_for_function("() => document.querySelector('[data-test=tile]')")
        count = tiles(page).count()
        check("tiles are there before the stream ends", 0 < count < 256 and page.locator("[data-test=sample-stop]").is_enabled(), count)
        page.locator("[data-test=sample-stop]").click()
        expect(page.locator("[data-test=sample-status]")).to_contain_text("Stopped")
        stopped = tiles(page).count()
        page.wait_for_timeout(500)
        check("  and none comes after Stop", tiles(page).count() == stopped < 256, stopped)
        opened(page, address)
        first = [tile.locator("canvas").evaluate(PIXELS) for tile in tiles(page).all()]
        check("six samples are six pictures", len(set(first)) == 6)
        with page.expect_download() as download:
            page.locator("[data-test=sample-save]").click()
        check("  saved as one PNG of two rows", png_size(download) == (3 * (112 + 4) + 4, 2 * (112 + 4) + 4), png_size(download))
        opened(page, address, seed=8)
        opened(page, address)
        again = [tile.locator("canvas").evaluate(PIXELS) for tile in tiles(page).all()]
        check("  the same for the same seed", first == again)
        page.get_by_label("Class").select_option(index=1)
        kind = page.get_by_label("Class").input_value()
        page.locator("[data-test=sample-go]").click()
        expect(page.locator(f"{TILES}[aria-label*='{kind}']")).to_have_count(6)
        check(f"  all of the class {kind} where it is asked for", True)


def png_size(download):
    return struct.unpack(">II", download.value.path().read_bytes()[16:24])


def half(browser, address):
    """From the samples to an empty board, and from what is drawn there to its completions."""
    with browser.page(address) as (page, _):
        opened(page, address)
        page.locator("[data-test=draw-half]").click()
        board = page.locator("[data-test=model-sees]")
        expect(board).to_be_visible()
        page.wait_for_load_state("networkidle")
        check("an empty board is there to draw a half on", len(set(board.evaluate(LEVELS))) == 2)
        box = page.locator("[data-test=board]").bounding_box()
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"], steps=5)
        page.mouse.up()
        drawn = board.evaluate(LEVELS)
        page.locator("[data-test=to-complete]").click()
        page.get_by_label("Show what was drawn in colour").uncheck()
        page.locator("[data-test=complete-go]").click()
        found = page.locator("[data-test=completion] canvas")
        expect(found).to_have_count(8)
        middle = len(drawn) // 2
        check("  and what is drawn there is kept", found.first.evaluate(LEVELS)[:middle] == drawn[:middle])


def one(browser, address):
    with browser.page(address) as (page, _):
        opened(page, address)
        tiles(page).first.click()
        panel = page.locator("[data-test=one-panel]")
        expect(page.locator("[data-test=one-verdict]")).to_contain_text(re.compile("typical|unusual|outlier"))
        check("a tile that is clicked is scored", tiles(page).first.get_attribute("aria-pressed") == "true")
        neighbours(page, panel)
        interpolate(page, panel)
        complete(page, panel)
        panel.get_by_role("button", name="Score it").click()
        expect(page.locator(".masthead nav a[aria-current]")).to_have_attribute("href", "#/score")
        check("  and is handed to the view Score", True)


def neighbours(page, panel):
    page.locator("[data-test=open-neighbours]").click()
    found = panel.locator("[data-test=neighbour] canvas")
    expect(found).to_have_count(8)
    near = found.first.evaluate(PIXELS)
    with page.expect_response("**/decode?*"):
        page.locator("[data-test=neighbours-distance]").fill("60")
    page.wait_for_function("(near) => document.querySelector('[data-test=neighbour] canvas').toDataURL() !== near", arg=near)
    check("  has eight neighbours, others at another distance", found.count() == 8)


def interpolate(page, panel):
    page.locator("[data-test=open-interpolation]").click()
    expect(panel.locator("[data-test=neighbour]")).to_have_count(0)
    tiles(page).nth(1).click()
    slider, picture = panel.locator("[data-test=interpolate-slider]"), panel.locator("[data-test=interpolate-picture]")
    seen = []
    for place in ("0", "8", "16"):
        slider.fill(place)
        seen.append(picture.evaluate(LEVELS))
    ends = [tile.locator("canvas").evaluate(LEVELS) for tile in tiles(page).all()[:2]]
    far = [[max(abs(a - b) for a, b in zip(one, end)) for end in ends] for one in seen]
    # From a latent in single precision a level may come back as one of its neighbours.
    check("  a slider goes from it to another that is clicked, over others", far[0][0] <= 4 and far[2][1] <= 4 and min(far[1]) > 50, far)
    with page.expect_download() as download:
        panel.locator("[data-test=interpolate-save]").click()
    check("  and the way is saved as one PNG", png_size(download) == (17 * (112 + 4) + 4, 112 + 8), png_size(download))


def complete(page, panel):
    page.locator("[data-test=open-completion]").click()
    page.locator("[data-test=complete-lower]").click()
    panel.get_by_label("Show what was drawn in colour").uncheck()
    page.locator("[data-test=complete-go]").click()
    found = panel.locator("[data-test=completion] canvas")
    expect(found).to_have_count(8)
    known = tiles(page).first.locator("canvas").evaluate(LEVELS)
    made = [picture.evaluate(LEVELS) for picture in found.all()]
    middle = len(known) // 2
    check("  its lower half is completed in eight ways, and its upper half is kept",
          all(one[:middle] == known[:middle] for one in made) and len({tuple(one[middle:]) for one in made}) > 4)
    expect(panel.locator("[data-test=complete-method]")).not_to_be_empty()
