"""Pictures that are dropped, pasted and chosen."""

import base64
import random
import struct
import zlib


def png(width, height, rows):
    """A PNG of 8 bits and three colours; `rows` are bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + row for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def noise(width, height, seed=1):
    random.seed(seed)
    return png(width, height, [random.randbytes(3 * width) for _ in range(height)])


# A drawing without a picture inside, of which Firefox and Chromium make bitmaps only by an image.
DRAWING = b'''<svg xmlns="http://www.w3.org/2000/svg" width="56" height="56"><rect width="56" height="56"/>
<circle cx="28" cy="28" r="20" fill="#fff"/></svg>'''
KINDS = {".svg": "image/svg+xml", ".png": "image/png"}


def transfer(page, *files):
    """A DataTransfer that holds files (name, bytes), as a drop or a paste brings them."""
    return page.evaluate_handle("""(files) => {
        const transfer = new DataTransfer();
        for (const [name, text, type] of files) {
            const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
            transfer.items.add(new File([bytes], name, {type}));
        }
        return transfer;
    }""", [[name, base64.b64encode(data).decode(), KINDS[name[-4:]]] for name, data in files])


def drop(page, *files):
    page.dispatch_event("main", "drop", {"dataTransfer": transfer(page, *files)})


def paste(page, *files):
    page.evaluate("(transfer) => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}))",
                  transfer(page, *files))


def choose(page, *files):
    page.locator("[data-test=files]").set_input_files([{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files])
