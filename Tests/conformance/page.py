"""The web page in Debian's Chromium and Firefox: every view as a person uses it, its faults, its accessibility, its policy.

    .build/conformance-page/bin/python Tests/conformance/page.py [--files] [--only NAME ...] [--images FOLDER]

It starts services of its own. Nothing about time is asserted, since this machine may be busy.
"""

import argparse
import pathlib
import shutil
import tempfile

from playwright.sync_api import sync_playwright

from browser import docs, faults, firefox, learn, model, sample, score, shell, views
from browser.chromium import Browser
from browser.services import ROOT, Services, get_json


class Checks:
    """The groups of checks by name, in their order; each starts the services that it needs."""

    def __init__(self, services, browser, arguments):
        self.services, self.browser, self.arguments = services, browser, arguments
        self.key, self.keys = services.new_key()

    def shell(self):
        with self.services.serve() as address:
            if not self.arguments.files:
                shell.files(address)
            shell.first_paint(self.browser, address)
            shell.views(self.browser, address)
        if not self.arguments.files:
            with self.services.serve("--page", "off") as address:
                shell.off(address)

    def docs(self):
        with self.services.serve(keys=self.keys) as address:
            docs.requests(self.browser, address, self.key, get_json(address, "/openapi.json"))
            docs.accessible(self.browser, address)

    def faults(self):
        with self.services.serve(keys=self.keys) as address:
            faults.keys(self.browser, address, self.key)
        drawing, drawing_line = self.services.new_key("drawing", ("sample",))
        watching, watching_line = self.services.new_key("watching", ("metrics",))
        with self.services.serve(keys=self.keys + drawing_line + watching_line) as address:
            faults.scopes(self.browser, address, self.key, drawing, watching)
            faults.refused_start(self.browser, address, self.key)
        with self.services.serve("--rate-rows", "6/min,burst=20", keys=self.keys) as address:
            faults.refused(self.browser, address, self.key)
        with self.services.serve() as address:
            faults.offline(self.browser, address)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            served = folder / "page.safetensors"
            shutil.copy(ROOT / "Models/animals.safetensors", served)
            self.services.small_model(folder, folder / "small.safetensors")
            with self.services.serve("--model", f"page={served}", "--default-model", "page", "--watch-models", "1") as address:
                faults.exchanged(self.browser, address, folder / "small.safetensors", served)

    def small(self):
        with tempfile.TemporaryDirectory() as name:
            file = pathlib.Path(name, "small.safetensors")
            self.services.small_model(file.parent, file)
            with self.services.serve("--model", file, "--default-model", "small") as address:
                score.anything(self.browser, address)
            with self.services.serve("--model", ROOT / "Models/animals.safetensors", "--model", file) as address:
                model.several(self.browser, address, ["animals", "small"])
                model.addresses(self.browser, address)

    def score(self):
        with self.services.serve() as address:
            score.draw(self.browser, address)
            score.bring(self.browser, address)
            score.wall(self.browser, address)
            score.resumed(self.browser, address)
            score.keyboard(self.browser, address)

    def sample(self):
        with self.services.serve() as address:
            sample.stream(self.browser, address)
            sample.one(self.browser, address)
            sample.half(self.browser, address)

    def model(self):
        with self.services.serve() as address:
            name = get_json(address, "/models")["default"]
            model.shown(self.browser, address, get_json(address, f"/models/{name}"))

    def learn(self):
        with self.services.serve() as address:
            learn.tour(self.browser, address)
            learn.still(self.browser, address)
            learn.diagram(self.browser, address)

    def accessibility(self):
        with self.services.serve() as address:
            views.accessible(self.browser, address)

    def firefox(self):
        with self.services.serve() as address:
            firefox.main_path(self.arguments.firefox, address)

    def images(self):
        with self.services.serve() as address:
            views.pictures(self.browser, address, self.arguments.images)

    NAMES = ("shell", "score", "sample", "model", "learn", "docs", "faults", "small", "accessibility", "firefox")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/tusk", help="the built program")
    parser.add_argument("--files", type=pathlib.Path, nargs="?", const=ROOT, metavar="TREE",
                        help="take the page from Page/ of this working tree, or another, by scripts/page.py, not from within the program")
    parser.add_argument("--only", nargs="+", choices=Checks.NAMES, default=Checks.NAMES, metavar="NAME", help="of %(choices)s")
    parser.add_argument("--images", type=pathlib.Path, help="folder that takes screenshots of the views")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--firefox", default="/usr/bin/firefox-esr")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = Browser(playwright, arguments.chromium)
        checks = Checks(Services(arguments.program, arguments.files), browser, arguments)
        for name in [*arguments.only, *(["images"] if arguments.images else [])]:
            print(f"-- {name}", flush=True)
            getattr(checks, name)()
        browser.close()


if __name__ == "__main__":
    main()
