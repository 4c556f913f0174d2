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


def transfer(page, *files):
    """A DataTransfer that holds files (name, bytes), as a drop or a paste brings them."""
    return page.evaluate_handle("""(files) => {
        const transfer = new DataTransfer();
        for (const [name, text] of files) {
            const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
            transfer.items.add(new File([bytes], name, {type: "image/png"}));
        }
        return transfer;
    }""", [[name, base64.b64encode(data).decode()] for name, data in files])


def drop(page, *files):
    page.dispatch_event("main", "drop", {"dataTransfer": transfer(page, *files)})


def paste(page, *files):
    page.evaluate("(transfer) => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}))",
                  transfer(page, *files))


def choose(page, *files):
    page.locator("[data-test=files]").set_input_files([{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files])
