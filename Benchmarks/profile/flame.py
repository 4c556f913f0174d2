"""A flame graph as an SVG of its own: no script, no other file.

The width of a box is the part of the samples that were in the function or below it; what it called stands above it. The order from left to
right is alphabetical. Source: B. Gregg, *The Flame Graph*, Communications of the ACM 59(6), 2016.
"""

import html
import zlib

WIDTH, ROW, LETTER = 1200, 17, 6.6
LEAST = 0.6  # pixels of a box that is drawn


def tree(stacks):
    root = {"name": "all", "count": 0, "below": {}}
    for stack, count in stacks:
        node = root
        node["count"] += count
        for name in stack:
            node = node["below"].setdefault(name, {"name": name, "count": 0, "below": {}})
            node["count"] += count
    return root


def depth(node, scale):
    return 1 + max((depth(child, scale) for child in node["below"].values() if child["count"] * scale >= LEAST), default=0)


def colour(name):
    """Warm for ours, cool for the kernel, grey for what has no name; the same name always has the same."""
    seed = zlib.crc32(name.encode())
    if name.endswith("[kernel]"):
        return f"hsl({200 + seed % 20},55%,{66 + seed // 100 % 12}%)"
    if name.startswith("["):
        return "hsl(0,0%,78%)"
    return f"hsl({15 + seed % 40},85%,{62 + seed // 100 % 14}%)"


def svg(stacks, title):
    """The text of the SVG."""
    root = tree(stacks)
    scale = WIDTH / root["count"]
    rows = depth(root, scale)
    height = (rows + 2) * ROW
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
             f'<text x="{WIDTH / 2}" y="{ROW - 3}" text-anchor="middle" font-size="13">{html.escape(title)}</text>']

    def draw(node, x, row):
        width = node["count"] * scale
        if width < LEAST:
            return
        y = height - (row + 1) * ROW
        share = 100 * node["count"] / root["count"]
        room = int((width - 4) / LETTER)
        name = node["name"]
        label = name if len(name) <= room else name[:room - 1] + "…" if room > 3 else ""
        text = f'<text x="{x + 2:.1f}" y="{y + 12}">{html.escape(label)}</text>' if label else ""
        parts.append(f'<g><title>{html.escape(name)}: {share:.2f}%</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" '
                     f'height="{ROW - 1}" fill="{colour(name)}"/>{text}</g>')
        for child in sorted(node["below"].values(), key=lambda child: child["name"]):
            draw(child, x, row + 1)
            x += child["count"] * scale

    draw(root, 0, 0)
    return "\n".join([*parts, "</svg>", ""])
