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
    accessibility.everywhere(browser, address, "model, one of several", show)
