"""/docs: the contract as a page, from which requests are sent."""

from playwright.sync_api import expect

from . import accessibility
from .chromium import check


def opened(page, address, operation="density/sample"):
    page.goto(f"{address}/docs#/{operation}")
    block = page.locator(".opblock.is-open")
    expect(block).to_have_count(1)
    return block


def requests(browser, address, key, contract):
    operations = sum(method in ("get", "put", "post", "delete") for path in contract["paths"].values() for method in path)
    with browser.page(address) as (page, watch):
        block = opened(page, address)
        shown = page.locator(".opblock").count()
        check(f"/docs shows the {operations} requests of openapi.json, and the one that the address names is open", shown == operations, shown)
        block.locator(".try-out__btn").click()
        block.locator("tr[data-param-name=count] input").fill("2")
        with watch.allowing("401"), page.expect_response("**/sample?*") as answer:
            block.locator(".execute").click()
        check("  without a key a request is answered 401", answer.value.status == 401)
        page.locator(".auth-wrapper .authorize").click()
        page.locator(".dialog-ux input").fill(key)
        page.locator(".dialog-ux .modal-btn.authorize").click()
        page.locator(".dialog-ux .btn-done").click()
        with page.expect_response("**/sample?*") as answer:
            block.locator(".execute").click()
        check("  with a key it is answered, by the service that the page came from", answer.value.status == 200 and answer.value.url.startswith(address))
        expect(block.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
        kept = page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length")
        check("  the key is kept nowhere", kept == 0)
        page.reload()
        opened(page, address)
        expect(page.locator(".auth-wrapper .unlocked")).to_have_count(1)
    with browser.page(address) as (page, watch):
        with watch.allowing("ERR_FAILED"):
            page.route("**/openapi.json", lambda route: route.abort())
            page.goto(f"{address}/docs")
            expect(page.locator("#progress")).to_contain_text("cannot be shown")
        check("without its contract /docs says so", True)


def accessible(browser, address):
    def tried(page):
        block = opened(page, address, "density/complete")
        block.locator(".try-out__btn").click()
        expect(block.locator(".execute")).to_be_visible()

    def asked(page):
        opened(page, address)
        page.locator(".auth-wrapper .authorize").click()
        expect(page.locator(".dialog-ux input")).to_be_focused()

    accessibility.everywhere(browser, address, "/docs, its dialog for a key", asked, accessibility.SWAGGER)
    accessibility.everywhere(browser, address, "/docs, a request open", tried, accessibility.SWAGGER)
