"""The view "Learn": five steps, each with something to do."""

import re

from playwright.sync_api import expect

from .chromium import check

STEPS = 5


def result(page):
    return page.locator("[data-test=learn-result]")


def at(page, step):
    place = page.locator(f"[data-test=learn-step-{step}]")
    expect(place.locator("h2")).to_contain_text(f"{step}. ")
    expect(result(page)).not_to_be_empty()
    return place


def act(page):
    """Does what the step offers: presses its button, or moves its slider; gives what it said before."""
    action = page.locator("[data-test=learn-action]")
    expect(action).to_be_enabled()
    before = result(page).inner_text()
    if action.evaluate("(node) => node.localName") == "button":
        action.click()
    else:
        action.focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft" if action.evaluate("(node) => node.value === node.max") else "ArrowRight")
    expect(result(page)).not_to_have_text(before)


def tour(browser, address):
    with browser.page(address) as (page, _):
        page.goto(f"{address}/#/learn")
        for step in range(1, STEPS + 1):
            if step < STEPS:
                at(page, step)
            act(page)
            check(f"step {step}: {page.locator('main h2').inner_text()}", True)
            if step < STEPS:
                page.locator("[data-test=learn-next]").click()
        expect(page.locator("[data-test=learn-next]")).to_be_disabled()
        for step in range(STEPS - 1, 0, -1):
            page.locator("main h2").focus()
            page.keyboard.press("ArrowLeft")
            expect(page.locator(f"[data-test=learn-step-{step}]")).to_be_visible()
        check("  and back by the arrow key", page.locator("[data-test=learn-previous]").is_disabled())
        page.go_back()
        expect(page.locator("[data-test=learn-step-2]")).to_be_visible()


def diagram(browser, address):
    """Step 4 on six numbers: who is whose key."""
    with browser.page(address) as (page, _):
        page.goto(f"{address}/#/learn?step=4")
        said = page.locator("[data-test=diagram-said]")
        expect(said).to_contain_text("from the key x₁, x₂, x₃.")
        page.locator("[data-test=diagram-number]").fill("1")
        expect(said).to_contain_text("nothing comes before it")
        page.locator("[data-test=diagram-coupling]").click()
        expect(said).to_contain_text("it is a part of the key")
        page.locator("[data-test=diagram-number]").fill("6")
        expect(said).to_contain_text("from the key z₁, z₂, z₃.")
        page.locator("[data-test=diagram-inverse]").click()
        expect(said).to_contain_text("from the key z₁, z₂, z₃, z₄, z₅.")
        check("six numbers show whose key is whose", page.locator("svg.keys .by").count() == 5)


def still(browser, address):
    """Step 3 plays by itself, but not for who asked for less motion."""
    for motion in ("no-preference", "reduce"):
        with browser.page(address, reduced_motion=motion) as (page, _):
            page.goto(f"{address}/#/learn?step=3")
            slider = page.locator("[data-test=learn-action]")
            expect(slider).to_be_enabled()
            if motion == "reduce":
                page.wait_for_timeout(1500)
                check("step 3 keeps still where less motion is asked for", slider.input_value() == "0")
            else:
                expect(slider).not_to_have_value("0")
                check("step 3 plays", True)
