"""The main path in Firefox: open, draw, score, sample; and /docs."""

import urllib.parse

from .bidi import Firefox
from .chromium import check


def found(hook):
    return f"document.querySelector('[data-test={hook}]')"


def main_path(program, address):
    with Firefox(program) as firefox:
        firefox.open(f"{address}/")
        said = f"{found('log-prob')}?.textContent"
        before = firefox.wait(said)
        firefox.click(found("clear"))
        empty = firefox.wait(f"{said} !== {before!r} && {said}")
        firefox.drag(found("board"), [(0.3, 0.3), (0.7, 0.3), (0.5, 0.7)])
        drawn = firefox.wait(f"{said} !== {empty!r} && {said}")
        verdict = firefox.wait("document.querySelector('[data-test=verdict] .badge')?.textContent")
        check(f"Firefox {firefox.version}: a drawing is scored: {drawn}, {verdict}", drawn != empty)
        firefox.click("document.querySelector(\"nav a[href='#/sample']\")")
        firefox.wait(f"{found('tile')}")
        whole = firefox.wait(f"{found('sample-stop')}.disabled && document.querySelectorAll('[data-test=tile]').length", 60)
        firefox.click(found("tile"))
        firefox.wait("document.querySelector('[data-test=one-verdict] .badge')")
        check(f"  {whole} samples are drawn, and one that is clicked is scored", whole > 1)
        for view in ("model", "learn"):
            firefox.open(f"{address}/#/{view}")
            firefox.wait(f"document.title.toLowerCase().startsWith('{view}')")
        firefox.open(f"{address}/docs")
        check("  the other views and /docs are shown", firefox.wait("document.querySelectorAll('.opblock').length") > 1)
        complaints = firefox.complaints(urllib.parse.urlsplit(address).netloc)
        check("  no request elsewhere, nothing on the console", not complaints, complaints)
