"""The view "Model": what it is, how good it is, and live figures."""

import re

from playwright.sync_api import expect

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
