"""What the service serves as the page, what of it comes before the first view, and what of it does not come when it is off."""

import urllib.parse

from playwright.sync_api import expect

from .chromium import check
from .services import ask, get

FIRST_PAINT = 100_000  # bytes over the network, fields included


def files(address):
    """The program's own answers; scripts/page.py is only like it."""
    status, fields, body = get(address, "/")
    policy = fields.get("content-security-policy", "")
    check("/ is HTML", status == 200 and fields["content-type"].startswith("text/html") and body.startswith(b"<!doctype html>"))
    check("  under a policy without anything inline", "default-src 'none'" in policy and "unsafe" not in policy, policy)
    again = ask(address, "/", **{"If-None-Match": fields.get("etag", "")})
    check("  with a tag, and 304 for it", again[0] == 304 and not again[2], again[0])
    for path, kind in (("/page/main.js", "text/javascript"), ("/page/style.css", "text/css"), ("/page/icon.svg", "image/svg+xml"),
                       ("/docs", "text/html"), ("/openapi.json", "application/json")):
        status, fields, _ = get(address, path)
        check(f"{path} is {kind}", status == 200 and fields["content-type"].startswith(kind), (status, fields))
    for path in ("/page/none.js", "/page/../openapi.yaml", "/page/%2e%2e/README.md", "/page/"):
        status, _, _ = get(address, path)
        check(f"{path} is no file of it", status in (400, 404), status)


def off(address):
    for path in ("/", "/page/main.js", "/docs"):
        status, fields, _ = get(address, path)
        check(f"--page off: {path} is 404", status == 404 and fields["content-type"] == "application/problem+json", status)
    check("  and the contract stays", get(address, "/openapi.json")[0] == 200)


def first_paint(browser, address):
    with browser.page(address) as (page, _):
        requests = []
        page.on("requestfinished", lambda request: requests.append(request))
        page.goto(address)
        page.wait_for_function("() => window.firstView")
        page.wait_for_load_state("networkidle")
        files = [request for request in requests if urllib.parse.urlsplit(request.url).path.startswith("/page/") or request.is_navigation_request()]
        total = sum(request.sizes()["responseBodySize"] + request.sizes()["responseHeadersSize"] for request in files)
        check(f"the page with its first view is {total} bytes in {len(files)} files", 0 < total < FIRST_PAINT, [request.url for request in files])
        told = page.eval_on_selector_all("link[rel=modulepreload]", "(links) => links.map((link) => link.href)")
        late = [request.url for request in files if request.resource_type == "script" and request.url not in told and not request.url.endswith("/main.js")]
        check("  and its modules are told at once", not late, late)
        print(f"     the view was there after {page.evaluate('firstView'):.0f} ms", flush=True)


def views(browser, address):
    """Each view has one h1 and its own title, is reached by the keyboard, and takes the focus."""
    with browser.page(address) as (page, _):
        page.goto(address)
        page.wait_for_function("() => window.firstView")
        titles = set()
        for name in ("sample", "model", "learn", "score"):
            page.locator(f"nav a[href='#/{name}']").focus()
            page.keyboard.press("Enter")
            page.wait_for_function("() => document.activeElement.closest('main')")
            titles.add(page.title())
            current = page.locator(".masthead nav a[aria-current]").get_attribute("href")
            check(f"by Enter to the view {name}, which takes the focus and has one heading of the first level",
                  page.locator("h1").count() == 1 and current == f"#/{name}", current)
        check("  each with a title of its own", len(titles) == 4, titles)
        page.go_back()
        page.wait_for_function("() => document.querySelector('.masthead nav a[aria-current]').hash === '#/learn'")
        page.goto(f"{address}/#/none")
        expect(page.locator(".masthead nav a[aria-current]")).to_have_attribute("href", "#/score")
        check("  back leads to the one before, an unknown address to the first", True)
