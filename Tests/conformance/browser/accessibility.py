"""What axe finds, and whether a view is as wide as a phone."""

from axe_playwright_python.sync_playwright import Axe

from .chromium import SIZES, check

# Rules that swagger-ui breaks on /docs and that neither a plug-in nor a style of ours mends: rule and part of the element's HTML.
SWAGGER = []

# Best practices among them; its own requests for style sheets would be counted as the page's.
OPTIONS = {"preload": False, "resultTypes": ["violations"]}
axe = Axe()


def violations(page, known=()):
    """One line for each element in which axe finds a fault, but those of `known`, pairs of a rule and a part of the element's HTML."""
    found = axe.run(page, options=OPTIONS).response["violations"]
    return [f"{fault['id']}: {node['html'][:150]} at {node['target']}" for fault in found for node in fault["nodes"]
            if not any(fault["id"] == rule and part in node["html"] for rule, part in known)]


def overflow(page):
    """Elements that are wider than the window where the page scrolls sideways."""
    return page.evaluate("""() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > innerWidth + 1).slice(0, 5)
            .map((node) => node.outerHTML.slice(0, 120))""")


def small_targets(page):
    """Controls below 24 x 24 pixels, other than links within a sentence."""
    return page.evaluate("""() => [...document.querySelectorAll("main button, main select, main input, nav a, main summary")].filter((node) => {
        const box = (node.type === "checkbox" || node.type === "radio" ? node.closest("label") ?? node : node).getBoundingClientRect();
        return box.width > 0 && (box.width < 24 || box.height < 24) && getComputedStyle(node).opacity !== "0" && !node.closest(".hidden");
    }).slice(0, 8).map((node) => node.outerHTML.slice(0, 120))""")


def everywhere(browser, address, name, show, known=()):
    """Has axe look at what `show(page)` shows, light and dark, on a desk and on a phone; the policy is off here, since axe injects styles."""
    for size in SIZES:
        for scheme in ("light", "dark"):
            with browser.page(address, size, scheme, bypass_csp=True) as (page, _):
                show(page)
                found = violations(page, known)
                check(f"axe finds nothing: {name}, {size}, {scheme}", not found, "\n     " + "\n     ".join(found))
                check(f"  no scrolling sideways", not overflow(page), overflow(page))
                check(f"  no small target", not small_targets(page), small_targets(page))
