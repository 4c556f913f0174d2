"""Compares the table of refusals of deploy/operate.md with openapi.yaml and with the statuses that the program gives them.

    python3 problems.py
"""
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).parents[2]

contract = yaml.safe_load((ROOT / "openapi.yaml").read_text())
types = {t.rpartition(":")[2] for t in contract["components"]["schemas"]["ProblemType"]["enum"]}
page = (ROOT / "deploy/operate.md").read_text()
rows = {}
for line in page.split("## What each refusal means")[1].split("\n## ")[0].splitlines():
    if line.startswith("| `"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`([a-z-]+)`", cells[0]):
            if name in rows or len(cells) != 5 or not all(cells):
                raise SystemExit(f"operate.md: the row of {name} is there twice, or not whole")
            rows[name] = cells[1]
if rows.keys() != types:
    raise SystemExit(f"operate.md: missing {sorted(types - rows.keys())}, unknown {sorted(rows.keys() - types)}")
# case .queueFull: (.tooManyRequests, "…") in the program's own table; openapi.yaml has no such list.
source = (ROOT / "Sources/DensityAPI/Answer/Problem.swift").read_text()
kinds = dict(re.findall(r'case `?(\w+)`? = "([a-z-]+)"', source)) | {
    name: name for name in re.findall(r"^    case `?([a-z]+)`?$", source, re.MULTILINE)}
words = {
    "badRequest": 400, "unauthorized": 401, "forbidden": 403, "notFound": 404, "methodNotAllowed": 405, "notAcceptable": 406,
    "requestTimeout": 408, "conflict": 409, "lengthRequired": 411, "contentTooLarge": 413, "uriTooLong": 414, "unsupportedMediaType": 415,
    "expectationFailed": 417, "misdirectedRequest": 421, "unprocessableContent": 422, "tooManyRequests": 429,
    "requestHeaderFieldsTooLarge": 431, "internalServerError": 500, "notImplemented": 501, "serviceUnavailable": 503,
    "gatewayTimeout": 504, "httpVersionNotSupported": 505,
}
meanings = re.findall(r"case \.`?(\w+)`?: \(\.(\w+), \"", source)
if {kinds[case] for case, _ in meanings} != types:
    raise SystemExit("Problem.swift was not understood")
for case, word in meanings:
    if rows[kinds[case]] != str(words[word]):
        raise SystemExit(f"operate.md: {kinds[case]} has status {words[word]}, not {rows[kinds[case]]}")
print(f"operate.md: {len(rows)} types of problems")
