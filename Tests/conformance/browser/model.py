"""The view "Model": what it is, how good it is, and live figures."""

import re

from playwright.sync_api import expect

from . import accessibility
from .chromium import check


def shown(browser, address, description):
    with browser.page(address) as (page, _):
        page.goto(f"{address}/#/model")
        card = page.locator("[data-test=model-card]")
        expect(card).to_contain_text(description["name"])
        expect(card).to_contain_text(f"{description['parameter_count']:,}")
        check("the card has the model's name and parameters", True)
        for part, there in (("training-curve", (description.get("training") or {}).get("curve")),
                            ("calibration", description.get("calibration")), ("auroc", (description.get("evaluation") or {}).get("outliers"))):
            panel = page.locator(f"[data-test={part}]")
            expect(panel.locator("svg, table").first if there else panel).to_be_visible()
            check(f"  {part}: {'shown' if there else 'said to be absent'}", bool(there) or "holds no" in panel.inner_text(), panel.inner_text())
        for name in ("requests", "rows", "queue", "latency", "drift"):
            expect(page.locator(f"[data-test=live-{name}]")).to_be_visible()
        plot = page.locator("[data-test=live-requests]")
        expect(plot.locator("svg")).to_be_visible()
        expect(plot.locator(".figure")).to_have_text(re.compile(r"^\d"))
        check("  live figures come by themselves", "Requests a second: " in plot.locator("svg").get_attribute("aria-label"))
        page.locator("[data-test=live-pause]").click()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(2500)
        check("  and stop at Pause", not [url for url in asked if "metrics" in url], asked)
        page.locator("[data-test=live-pause]").click()
        page.locator("nav a[href='#/learn']").click()
        expect(page).to_have_title(re.compile("Learn"))
        asked.clear()
        page.wait_for_timeout(2500)
        check("  and in another view", not [url for url in asked if "metrics" in url], asked)


def several(browser, address, names):
    """More than one model: a choice in the frame, and a table of them."""
    def show(page):
        page.goto(f"{address}/#/model")
        expect(page.get_by_role("region", name="Table of models").locator("tbody tr")).to_have_count(len(names))

    with browser.page(address) as (page, _):
        show(page)
        for name in reversed(names):
            page.locator("#model-choice select").select_option(name)
            expect(page.locator("h1")).to_have_text(f"The model {name}")
        page.goto(f"{address}/#/score")
        expect(page.locator("[data-test=log-prob]")).to_be_visible()
        with page.expect_response("**/logprob?*") as answer:
            page.locator("#model-choice select").select_option(names[-1])
        check("another model that is chosen is the one that is asked", f"model={names[-1]}&" in answer.value.url, answer.value.url)
        page.locator("[data-test=eraser]").click()
        page.locator("#model-choice select").select_option(names[0])
        expect(page.locator("[data-test=log-prob]")).to_be_visible()
        check("  and the tool stays as it was chosen", page.locator("[data-test=eraser]").get_attribute("aria-pressed") == "true")
    accessibility.everywhere(browser, address, "model, one of several", show)


def addresses(browser, address):
    """The model is a part of each address: links keep to it, Back leads to the one before, and one that is not there is told."""
    with browser.page(address) as (page, watch):
        page.goto(f"{address}/#/model?model=small")
        heading, choice = page.locator("h1"), page.locator("#model-choice select")
        expect(heading).to_have_text("The model small")
        page.locator("nav a[data-view=learn]").click()
        expect(page.locator("[data-test=learn-step-1]")).to_contain_text("3 colours")
        check("the address of a model is kept by links", "model=small" in page.url, page.url)
        page.locator("nav a[data-view=model]").click()
        choice.select_option("animals")
        expect(heading).to_have_text("The model animals")
        page.go_back()
        expect(heading).to_have_text("The model small")
        check("  and Back leads to the model before", choice.input_value() == "small")
        page.evaluate("location.hash = '#/model?model=none'")
        expect(page.locator("#notices .notice[data-kind=model-unknown]")).to_contain_text("“none”")
        check("  one that the service has not is told, and the one before stays", choice.input_value() == "small" and "model=small" in page.url, page.url)
        with watch.allowing("ERR_INTERNET_DISCONNECTED"):
            page.context.set_offline(True)
            choice.select_option("animals")
            expect(page.locator("#notices .notice[data-kind=offline]")).to_be_visible()
            check("  without a network the choice stays with the model that is shown", choice.input_value() == "small")
            page.context.set_offline(False)
            page.locator("#notices .notice[data-kind=offline]").get_by_role("button", name="Try again").click()
            expect(heading).to_have_text("The model animals")
            expect(page.locator("#notices .notice[data-kind=offline]")).to_have_count(0)
            page.wait_for_load_state("networkidle")
        check("  until it is tried again", choice.input_value() == "animals")
