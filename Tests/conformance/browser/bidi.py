"""Debian's Firefox by WebDriver BiDi, which it speaks itself: neither geckodriver nor a build of Playwright's is needed.

Source: WebDriver BiDi (W3C), sections 7.2 (session), 7.3 (browsing contexts), 7.6 (scripts), 7.8 (log), 7.9 (input).
"""

import base64
import json
import pathlib
import re
import subprocess
import tempfile
import time

from websockets.sync.client import connect

# What Firefox asks its makers for by itself is no part of what is checked.
PREFERENCES = {
    "app.normandy.enabled": False, "app.update.disabledForTesting": True, "browser.region.network.url": "", "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False, "browser.newtabpage.enabled": False, "browser.safebrowsing.update.enabled": False,
    "datareporting.healthreport.uploadEnabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False, "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,", "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class BidiError(Exception):
    """A command's error, or an exception of a script."""


class Firefox:
    """One browser with one page."""

    def __init__(self, program, width=1280, height=900):
        self.folder = tempfile.TemporaryDirectory()
        preferences = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        pathlib.Path(self.folder.name, "user.js").write_text(preferences)
        said = pathlib.Path(self.folder.name, "said")
        self.process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--profile", self.folder.name, "--remote-debugging-port", "0"],
            stdout=said.open("w"), stderr=subprocess.STDOUT)
        while not (found := re.search(r"WebDriver BiDi listening on (\S+)", said.read_text())):
            if self.process.poll() is not None:
                raise BidiError(f"Firefox ended before it listened: {said.read_text()}")
            time.sleep(0.05)
        self.socket = connect(f"{found.group(1)}/session", max_size=None, compression=None)
        self.last, self.events = 0, []
        self.version = self.send("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]
        self.send("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.send("browser.close")
            self.socket.close()
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.folder.cleanup()

    def send(self, method, **parameters):
        """A command's result; events that come meanwhile are kept."""
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(60))
            if message["type"] == "event":
                self.events.append(message)
            elif message["id"] == self.last:
                if message["type"] == "error":
                    raise BidiError(f"{method}: {message['message']}")
                return message["result"]

    def open(self, address):
        self.send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def run(self, script):
        """Value of a JavaScript expression, a promise's once it is kept, by way of JSON; of a node that there is one."""
        expression = f"(async (value) => JSON.stringify(await value instanceof Node || await value) ?? 'null')({script})"
        result = self.send("script.evaluate", expression=expression,
                           target={"context": self.context}, awaitPromise=True)
        if result["type"] == "exception":
            raise BidiError(f"{script}: {result['exceptionDetails']['text']}")
        return json.loads(result["result"]["value"])

    def wait(self, script, seconds=30):
        """Waits until an expression is true, and gives its value."""
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            if time.monotonic() > end:
                raise BidiError(f"not true after {seconds} s: {script}")
            time.sleep(0.05)
        return value

    def box(self, find):
        """Left, top, width and height of the element that an expression finds, once it has a size and is in view."""
        return self.wait(f"""(() => {{
            const node = {find};
            node?.scrollIntoView({{block: "center", behavior: "instant"}});
            const {{x, y, width, height}} = node?.getBoundingClientRect() ?? {{width: 0}};
            return width && !node.disabled ? [x, y, width, height] : null;
        }})()""")

    def pointer(self, *actions):
        self.send("input.performActions", context=self.context, actions=[{"type": "pointer", "id": "mouse", "actions": list(actions)}])

    def click(self, find):
        x, y, width, height = self.box(find)
        move = {"type": "pointerMove", "x": round(x + width / 2), "y": round(y + height / 2)}
        self.pointer(move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def drag(self, find, points):
        """Draws over an element: `points` are fractions of its width and height."""
        x, y, width, height = self.box(find)
        moves = [{"type": "pointerMove", "x": round(x + a * width), "y": round(y + b * height), "duration": 20} for a, b in points]
        self.pointer(moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0})

    def screenshot(self, file):
        data = self.send("browsingContext.captureScreenshot", context=self.context)["data"]
        pathlib.Path(file).write_bytes(base64.b64decode(data))

    def complaints(self, host):
        """What the page did that it may not: errors and warnings on the console, and requests to another host."""
        logged = [event["params"]["text"] for event in self.events
                  if event["method"] == "log.entryAdded" and event["params"]["level"] in ("error", "warn")]
        asked = [event["params"]["request"]["url"] for event in self.events if event["method"] == "network.beforeRequestSent"]
        return logged + [url for url in asked if not url.startswith((f"http://{host}/", "data:", "blob:", "about:"))]
