"""Debian's Chromium, and what no page of ours may do in it."""

import contextlib
import sys
import urllib.parse

from playwright.sync_api import Error, expect

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
expect.set_options(timeout=60_000)

# Violations of the policy are on the console too, but there without what they were about.
WATCH = """
addEventListener("securitypolicyviolation", (event) => console.error(
    `policy: ${event.effectiveDirective} blocked ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
new MutationObserver((_, observer) => {
    if (!document.querySelector("main h1")) return;
    window.firstView = performance.now();
    observer.disconnect();
}).observe(document, {childList: true, subtree: true});
"""


def check(what, holds, seen=""):
    print(("ok   " if holds else "FAIL ") + what + (f": {seen}" if seen and not holds else ""), flush=True)
    if not holds:
        sys.exit(1)


class Browser:
    """One browser for all checks; each of them gets a context of its own, whose memory is empty."""

    def __init__(self, playwright, program):
        # The camera is a moving picture of Chromium's own.
        self.browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--use-fake-device-for-media-stream"])

    def close(self):
        self.browser.close()

    @contextlib.contextmanager
    def page(self, address, size="desktop", scheme="light", **options):
        """A page and its `Watch`, which has the last word when the block ends."""
        context = self.browser.new_context(viewport=SIZES[size], color_scheme=scheme, **options)
        context.add_init_script(WATCH)
        watch = Watch(context, address)
        page = context.new_page()
        page.set_default_timeout(60_000)
        try:
            yield page, watch
        except (AssertionError, Error):
            page.screenshot(path="/tmp/page-failed.png", full_page=True)
            print(f"FAIL at {page.url}, seen in /tmp/page-failed.png; on the console: {watch.complaints or 'nothing'}", file=sys.stderr, flush=True)
            raise
        context.close()
        check("  no request elsewhere, nothing on the console", not watch.complaints, watch.complaints)


class Watch:
    """What a page did that none of ours may: a request to another host, an error or a warning on the console, an exception."""

    def __init__(self, context, address):
        self.complaints, self.allowed = [], []
        self.host = urllib.parse.urlsplit(address).netloc
        context.on("request", self.request)
        context.on("console", self.console)
        context.on("weberror", lambda error: self.complain(f"exception: {error.error}"))

    def request(self, request):
        address = urllib.parse.urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self.host:
            self.complain(f"request to {request.url}")

    def console(self, message):
        if message.type in ("error", "warning"):
            self.complain(f"{message.type}: {message.text} ({message.location['url']})")

    def complain(self, text):
        if not any(part in text for part in self.allowed):
            self.complaints.append(text)

    @contextlib.contextmanager
    def allowing(self, *parts):
        """Complaints with one of these parts are what the block is about: the browser itself tells of answers that are no success."""
        self.allowed += parts
        yield
        self.allowed = [part for part in self.allowed if part not in parts]
