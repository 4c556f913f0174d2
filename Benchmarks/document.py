"""Sections of docs/measurements that scripts write: all that stands between `<!-- NAME -->` and `<!-- /NAME -->`."""

from . import machine

MEASUREMENTS = machine.REPOSITORY / "docs" / "measurements"


def write_section(page, name, text):
    """`text` as the section `name` of docs/measurements/`page`.md."""
    path = MEASUREMENTS / f"{page}.md"
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    document = path.read_text()
    if document.count(begin) != 1 or document.count(end) != 1:
        raise ValueError(f"{path}: wants {begin} and {end} once each")
    before, rest = document.split(begin)
    path.write_text(f"{before}{begin}\n{text.strip()}\n{end}{rest.split(end)[1]}")


def table(header, rows):
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
