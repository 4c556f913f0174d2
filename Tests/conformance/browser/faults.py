"""What the page says when something goes wrong, each time as the service or the browser really has it, and how it asks for a key."""

from playwright.sync_api import expect

from .chromium import check
from .services import get_json


def notice(page, kind):
    return page.locator(f"#notices .notice[data-kind='{kind}']")


def keys(browser, address, key):
    with browser.page(address) as (page, watch):
        dialog = page.locator("#key-dialog")
        with watch.allowing("status of 401"):
            page.goto(address)
            expect(dialog).to_be_visible()
            check("a service with keys has the page ask for one", True)
            page.locator("#key").fill("tusk_no")
            page.keyboard.press("Enter")
            expect(dialog).to_be_visible()
            expect(page.locator("#key")).to_have_value("")
            page.locator("#key").fill(key)
            page.keyboard.press("Enter")
            expect(dialog).to_be_hidden()
            expect(page.locator("main h1")).to_be_visible()
        check("  again where it is refused, and no more once it is taken", True)
        for name in ("sample", "model", "learn", "score"):
            page.locator(f"nav a[href='#/{name}']").click()
            page.wait_for_load_state("networkidle")
            check(f"  not for the view {name}", dialog.is_hidden())
        kept = page.evaluate("async () => localStorage.length + sessionStorage.length + document.cookie.length + (await indexedDB.databases()).length")
        check("  it is kept nowhere but in memory", kept == 0 and key not in page.content() and key not in page.url)
        with watch.allowing("status of 401"):
            page.reload()
            expect(dialog).to_be_visible()
            check("  and gone after a reload", page.locator("#key").input_value() == "")
            page.keyboard.press("Escape")
            expect(notice(page, "unauthorized")).to_be_visible()
        check("  without one it says so", True)


def give(page, key):
    """Types a key into the dialog that waits for one."""
    expect(page.locator("#key-dialog")).to_be_visible()
    page.locator("#key").fill(key)
    page.keyboard.press("Enter")
    expect(page.locator("#key-dialog")).to_be_hidden()


def scopes(browser, address, whole, drawing, watching):
    """Keys that do a part: each is kept for what it does, and what a person has no key for is not asked again."""
    with browser.page(address) as (page, watch):
        dialog = page.locator("#key-dialog")
        with watch.allowing("status of 401", "status of 403"):
            page.goto(f"{address}/#/sample?seed=7&count=4")
            give(page, drawing)
            expect(page.locator("[data-test=tile]")).to_have_count(4)
            page.locator("nav a[data-view=score]").click()
            expect(dialog).to_be_visible()
            page.keyboard.press("Escape")
            expect(notice(page, "forbidden")).to_be_visible()
            check("a key that cannot score has the page ask for one that can", True)
            page.locator("nav a[data-view=learn]").click()
            expect(page.locator("[data-test=learn-step-1]")).to_be_visible()
            page.locator("nav a[data-view=score]").click()
            page.locator("[data-test=example]").nth(1).click()
            expect(notice(page, "forbidden")).to_be_visible()
            check("  once", dialog.is_hidden())
            notice(page, "forbidden").get_by_role("button", name="Give another key").click()
            give(page, whole)
            expect(page.locator("[data-test=log-prob]")).to_be_visible()
            check("  and again where one wishes", page.locator("#notices .notice").count() == 0)
            page.locator("#change-key").click()
            page.locator("#key").fill("tusk_mistyped")
            page.keyboard.press("Enter")
            expect(page.locator("#key-reason")).not_to_contain_text("takes the place")
            page.keyboard.press("Escape")
            expect(dialog).to_be_hidden()
            with page.expect_response("**/logprob?*"):
                page.locator("[data-test=example]").nth(2).click()
            page.wait_for_load_state("networkidle")
            check("a mistyped key does not take the place of a good one", dialog.is_hidden() and page.locator("#notices .notice").count() == 0)
            page.locator("#change-key").click()
            give(page, drawing)
            page.locator("nav a[data-view=model]").click()
            page.locator("[data-test=live-key]").click()
            give(page, watching)
            expect(page.locator("[data-test=live-requests] svg")).to_be_visible()
            page.locator("nav a[data-view=sample]").click()
            page.locator("[data-test=sample-go]").click()
            page.locator("[data-test=sample-seed]").fill("9")
            page.locator("[data-test=sample-go]").click()
            expect(page.locator("[data-test=sample-status]")).to_contain_text("seed 9")
            check("a key for the figures is theirs, and samples keep the one before", dialog.is_hidden())


def refused_start(browser, address, key):
    """Without a key there is no model; a view that is chosen then asks again."""
    with browser.page(address) as (page, watch):
        with watch.allowing("status of 401"):
            page.goto(address)
            expect(page.locator("#key-dialog")).to_be_visible()
            page.keyboard.press("Escape")
            expect(notice(page, "unauthorized")).to_be_visible()
            page.locator("#change-key").click()
            give(page, key)
            expect(page.locator("[data-test=log-prob]")).to_be_visible()
            expect(page.locator("#notices .notice")).to_have_count(0)
            check("a start without a key goes on with one", True)


def offline(browser, address):
    with browser.page(address) as (page, watch):
        page.goto(f"{address}/#/sample?seed=7&count=6")
        tiles = page.locator("[data-test=tile]")
        expect(tiles).to_have_count(6)
        with watch.allowing("ERR_INTERNET_DISCONNECTED"):
            page.context.set_offline(True)
            page.locator("[data-test=sample-seed]").fill("8")
            page.locator("[data-test=sample-go]").click()
            expect(notice(page, "offline")).to_contain_text("cannot be reached")
        page.context.set_offline(False)
        notice(page, "offline").get_by_role("button", name="Try again").click()
        expect(tiles).to_have_count(6)
        expect(page.locator("#notices .notice")).to_have_count(0)
        check("offline it says so, and Try again draws what was asked for", True)
        with watch.allowing("ERR_INTERNET_DISCONNECTED"):
            page.context.set_offline(True)
            page.locator("nav a[href='#/learn']").click()
            expect(notice(page, "offline")).to_contain_text("cannot be fetched")
        page.context.set_offline(False)
        notice(page, "offline").get_by_role("button", name="Try again").click()
        expect(page.locator("[data-test=learn-step-1]")).to_be_visible()
        expect(page.locator("#notices .notice")).to_have_count(0)
        check("  and so for a view that was not fetched yet", True)


def refused(browser, address, key):
    """A key that may have few images in a minute."""
    with browser.page(address) as (page, watch):
        with watch.allowing("status of 401", "status of 429"):
            page.goto(f"{address}/#/sample?seed=7&count=48")
            page.locator("#key").fill(key)
            page.keyboard.press("Enter")
            expect(page.locator("[data-test=tile]")).to_have_count(48)
            page.locator("[data-test=sample-seed]").fill("8")
            page.locator("[data-test=sample-go]").click()
            expect(notice(page, "rate-limited")).to_contain_text("asked again in")
        check("429 is told, with when to ask again", page.locator("#key-dialog").is_hidden())


def exchanged(browser, address, small, served):
    """A model of another size takes the place of the one that the page knows; the service looks for it every second."""
    with browser.page(address) as (page, watch):
        page.goto(f"{address}/#/sample?seed=7&count=4")
        expect(page.locator("[data-test=tile]")).to_have_count(4)
        before = get_json(address, f"/models/{served.stem}")["dims"]
        small.rename(served)
        for _ in range(100):
            if get_json(address, f"/models/{served.stem}")["dims"] != before:
                break
            page.wait_for_timeout(100)
        with watch.allowing("status of 422", "status of 400"):
            page.locator("[data-test=tile]").first.click()
            found = page.locator("#notices .notice")
            expect(found).to_be_visible()
        check(f"a picture of the wrong size: {found.locator('p').first.inner_text()}", found.get_attribute("data-kind") == "image-size")
