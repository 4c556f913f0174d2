"""Every view in each of its looks: for axe, for a phone's width, and as pictures for the documentation."""

from playwright.sync_api import expect

from . import accessibility
from .chromium import check


def score(page, address):
    page.goto(f"{address}/#/score")
    expect(page.locator("[data-test=log-prob]")).to_be_visible()
    settle(page)


def sample(page, address):
    page.goto(f"{address}/#/sample?seed=7&count=24")
    expect(page.locator("[data-test=tile]")).to_have_count(24)
    page.locator("[data-test=tile]").nth(1).click()
    expect(page.locator("[data-test=one-verdict] .badge")).to_be_visible()
    settle(page)


def near(page, address):
    sample(page, address)
    page.locator("[data-test=open-neighbours]").click()
    expect(page.locator("[data-test=neighbour]")).to_have_count(8)


def between(page, address):
    sample(page, address)
    page.locator("[data-test=open-interpolation]").click()
    page.locator("[data-test=tile]").nth(3).click()
    page.locator("[data-test=interpolate-slider]").fill("8")
    settle(page)


def complete(page, address):
    sample(page, address)
    page.locator("[data-test=open-completion]").click()
    page.locator("[data-test=complete-go]").click()
    expect(page.locator("[data-test=completion]")).to_have_count(8)
    settle(page)


def model(page, address):
    page.goto(f"{address}/#/model")
    expect(page.locator("[data-test=live-requests] svg")).to_be_visible()


def learn(step):
    def show(page, address):
        page.goto(f"{address}/#/learn?step={step}")
        expect(page.locator("[data-test=learn-result]")).not_to_be_empty() if step < 5 else page.locator("[data-test=learn-action]").click()
        settle(page)
        expect(page.locator("[data-test=learn-action]")).to_be_enabled()
        if step == 3:
            page.locator("[data-test=learn-action]").fill("14")  # half of the way
    return show


def settle(page):
    page.wait_for_load_state("networkidle")


VIEWS = {"score": score, "sample": sample, "near": near, "between": between, "complete": complete, "model": model,
         **{f"learn-{step}": learn(step) for step in range(1, 6)}}


def accessible(browser, address):
    for name, show in VIEWS.items():
        accessibility.everywhere(browser, address, name, lambda page, show=show: show(page, address))


def pictures(browser, address, folder):
    """Screenshots page-VIEW-LOOK.png of the first screen: light and dark on a desk, light on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, show in VIEWS.items():
        for look, size, scheme in (("light", "desktop", "light"), ("dark", "desktop", "dark"), ("phone", "phone", "light")):
            with browser.page(address, size, scheme, reduced_motion="reduce") as (page, _):
                show(page, address)
                page.evaluate("scrollTo(0, 0)")
                page.mouse.move(0, 0)
                page.screenshot(path=folder / f"page-{name}-{look}.png")
    check(f"screenshots are in {folder}", True)
