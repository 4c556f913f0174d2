"""Writes jpeg.npy, webp.npy, orientation.npy, conversion.npy: pictures and what Pillow makes of them. Of each a name (UTF-8), the file, and
the pixels [height, width, channels], three arrays of uint8, one after another. Pillow 13.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0), NumPy
2.4.6, cjpeg of libjpeg-turbo 2.1.5. lossless.jpg and 12-bit.jpg are by imagecodecs 2026.3.6 (ljpeg_encode, jpeg_encode). With OpenCV beside them it says where OpenCV's pixels are others (opencv-python 5.0.0.93)."""
import io, os, struct, subprocess, zlib

import numpy as np
from PIL import Image, ImageOps

try:
    import cv2
except ImportError:
    cv2 = None

here = os.path.dirname(os.path.abspath(__file__))
y, x = np.mgrid[0:19, 0:26]
gray = np.clip(128 + 90 * np.sin(x / 3) * np.cos(y / 4) + 3 * ((x * 7 + y * 5) % 11), 0, 255).astype(np.uint8)
rgb = np.stack([gray, np.roll(gray, 5, 1), 255 - np.roll(gray, 3, 0)], -1)
rgba = np.concatenate([rgb, np.clip(x * 12 + y, 0, 255)[..., None].astype(np.uint8)], -1)


def saved(array, kind, mode=None, **options):
    out = io.BytesIO()
    image = Image.fromarray(array) if mode is None else Image.frombytes(mode, array.shape[1::-1], array.tobytes())
    image.save(out, kind, **options)
    return out.getvalue()


def opened(file):
    return Image.open(io.BytesIO(file))


def pixels(image):
    array = np.asarray(image)
    return array if array.ndim == 3 else array[..., None]


def pillow(file):
    image = opened(file)
    return pixels(image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB"))


def write(name, cases):
    with open(os.path.join(here, name), "wb") as file:
        for case, picture, values in cases:
            if cv2 is not None and name != "conversion.npy" and values.shape[2] in (1, 3):
                flag = cv2.IMREAD_GRAYSCALE if values.shape[2] == 1 else cv2.IMREAD_COLOR
                other = cv2.imdecode(np.frombuffer(picture, np.uint8), flag)
                other = None if other is None else other.reshape(*other.shape[:2], -1)[..., ::-1]
                if other is None or other.shape != values.shape or (other != values).any():
                    gap = "unread" if other is None else other.shape if other.shape != values.shape \
                        else int(np.abs(other.astype(int) - values).max())
                    print(f"{name}: {case}: OpenCV differs: {gap}")
            for part in (case.encode(), picture, values):
                np.save(file, np.frombuffer(part, np.uint8) if isinstance(part, bytes) else np.ascontiguousarray(part, np.uint8))


def cjpeg(*options, array=rgb):
    run = subprocess.run(["cjpeg", "-quality", "85", *options], input=saved(array, "PPM"), capture_output=True, check=True)
    return run.stdout


def without(file, marker):
    start = file.index(bytes([0xff, marker]))
    return file[:start] + file[start + 2 + int.from_bytes(file[start + 2:start + 4], "big"):]


def segments(file):
    """Offsets of the segments before the first scan, and of the scan's."""
    at, found = 2, []
    while file[at + 1] != 0xda:
        found.append(at)
        at += 2 + int.from_bytes(file[at + 2:at + 4], "big")
    return found + [at]


jpegs = {"gray": cjpeg("-grayscale")}
factors = ["1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "3x1", "1x3", "3x2", "2x3"]
samplings = [f"{luma},1x1,1x1" for luma in factors]
samplings += ["2x2,2x1,2x1", "2x2,1x2,1x2", "2x2,2x1,1x2", "2x1,1x1,2x1", "1x1,2x2,1x1", "1x1,1x1,2x1", "4x1,2x1,1x1"]
for sampling in samplings:
    jpegs[f"sampling {sampling}"] = cjpeg("-sample", sampling)
for sampling in ("2x2,1x1,1x1", "2x1,1x1,1x1"):
    jpegs[f"progressive {sampling}"] = cjpeg("-progressive", "-sample", sampling)
    jpegs[f"arithmetic {sampling}"] = cjpeg("-arithmetic", "-sample", sampling)
    jpegs[f"progressive arithmetic {sampling}"] = cjpeg("-arithmetic", "-progressive", "-sample", sampling)
    jpegs[f"a restart marker each row, {sampling}"] = cjpeg("-restart", "1", "-sample", sampling)
    jpegs[f"a restart marker each block, {sampling}"] = cjpeg("-restart", "1B", "-sample", sampling)
jpegs["rgb by Adobe's marker"] = cjpeg("-rgb")
cmyk = np.concatenate([rgb, np.roll(gray, 8, 0)[..., None] // 2], -1)
inks = saved(cmyk, "JPEG", mode="CMYK", quality=90)
adobe = inks.index(b"Adobe")
jpegs["CMYK by Adobe's marker"] = inks
jpegs["CMYK without it"] = without(inks, 0xee)
jpegs["YCCK"] = inks[:adobe + 11] + b"\2" + inks[adobe + 12:]
base = cjpeg()
at = segments(base)
end = len(base) - 2
jpegs["a byte between segments"] = base[:at[1]] + b"\0" + base[at[1]:]
jpegs["bytes between all segments"] = base[:2] + b"".join(
    bytes(i) + base[a:b] for i, (a, b) in enumerate(zip(at, at[1:] + [len(base)])))
jpegs["fill bytes before all segments"] = base[:2] + b"".join(b"\xff\xff\xff" + base[a:b] for a, b in zip(at, at[1:] + [len(base)]))
jpegs["1 byte before the end"] = base[:end] + b"\0" + base[end:]
jpegs["8 bytes before the end"] = base[:end] + bytes(8) + base[end:]
jpegs["fill bytes before the end"] = base[:end] + b"\xff" * 5 + base[end:]
jpegs["bytes behind the end"] = base + b"behind" + bytes(99)
jpegs["another picture behind the end"] = base + base
jpegs["JFIF 9.0"] = base.replace(b"JFIF\0\1\1", b"JFIF\0\x09\0")
transform = saved(rgb, "JPEG", quality=90)
jpegs["an unknown transform of Adobe's marker"] = \
    transform[:2] + b"\xff\xee" + struct.pack(">H", 14) + b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 7) + without(transform, 0xe0)[2:]
scan = at[-1]
jpegs["zeros for the spectral selection"] = base[:scan + 11] + bytes(3) + base[scan + 14:]
write("jpeg.npy", [(name, file, pillow(file)) for name, file in jpegs.items()])

webps = {
    "lossy": saved(rgb, "WEBP", quality=80), "lossless": saved(rgb, "WEBP", lossless=True), "gray": saved(gray, "WEBP", lossless=True),
    "lossy with alpha": saved(rgba, "WEBP", quality=80), "lossless with alpha": saved(rgba, "WEBP", lossless=True, exact=True),
    "a pixel": saved(rgb[:1, :1], "WEBP", lossless=True), "lossy of a pixel": saved(rgb[:1, :1], "WEBP"),
    "with a profile": saved(rgb, "WEBP", lossless=True, icc_profile=b"profile!"),
}
write("webp.npy", [(name, file, pillow(file)) for name, file in webps.items()])

small = rgb[:3, :5]
turned = []
for value in range(1, 9):
    for order in "<>":
        exif = Image.Exif()
        exif.endian = order
        exif[0x010f] = "camera"
        exif[0x0112] = value
        mark = "II" if order == "<" else "MM"
        for kind, options in (("JPEG", {"quality": 95, "subsampling": 0}), ("PNG", {}), ("WEBP", {"lossless": True})):
            if order == ">" and value not in (1, 6):
                continue
            file = saved(small, kind, exif=exif, **options)
            turned.append((f"{kind} {value} {mark}", file, pixels(ImageOps.exif_transpose(opened(file)))))


def packet(orientation):
    """An XMP packet with the orientation, as an attribute of a number or an element of a text; None for none."""
    attribute = f' tiff:Orientation="{orientation}"' if isinstance(orientation, int) else ""
    element = orientation if isinstance(orientation, str) else ""
    return ('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"{attribute}>{element}</rdf:Description>'
            '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>').encode()


def with_xmp(kind, packets, exif):
    """A picture with these packets; Pillow writes those of WebP alone."""
    tags = Image.Exif()
    for tag, value in exif.items():
        tags[tag] = value
    options = {"exif": tags} if exif else {}
    if kind == "WEBP":
        return saved(small, kind, lossless=True, xmp=packets[-1], **options)
    if kind == "JPEG":
        file = saved(small, kind, quality=95, subsampling=0, **options)
        at, mark = file.index(b"\xff\xdb"), b"http://ns.adobe.com/xap/1.0/\0"
        parts = b"".join(b"\xff\xe1" + struct.pack(">H", 2 + len(mark + one)) + mark + one for one in packets)
    else:
        file, at, mark = saved(small, kind, **options), 33, b"XML:com.adobe.xmp\0\0\0\0\0"
        parts = b"".join(struct.pack(">I", len(mark + one)) + b"iTXt" + mark + one +
                         struct.pack(">I", zlib.crc32(b"iTXt" + mark + one)) for one in packets)
    return file[:at] + parts + file[at:]


element = "<tiff:Orientation>{}</tiff:Orientation>".format
for kind in ("JPEG", "PNG", "WEBP"):
    cases = [(f"XMP {value}", [packet(value)], {}) for value in range(10)]
    cases += [("XMP element", [packet(element(6))], {}), ("XMP 61", [packet(61)], {}), ("XMP blank", [packet(element(" 6"))], {}),
              ("XMP second", [packet('<tiff:Orientation="?"/>' + element(6))], {}),
              ("XMP quotes", [packet(None).replace(b"<rdf:Description ", b"<rdf:Description tiff:Orientation='6' ")], {}),
              ("Exif 1, XMP 6", [packet(6)], {0x0112: 1}), ("Exif 6, XMP 1", [packet(1)], {0x0112: 6}),
              ("Exif 9, XMP 6", [packet(6)], {0x0112: 9}), ("Exif without, XMP 6", [packet(6)], {0x010f: "camera"})]
    if kind != "WEBP":
        cases += [("XMP 6, none", [packet(6), packet(None)], {}), ("XMP 8, 6", [packet(8), packet(6)], {})]
    for case, packets, exif in cases:
        file = with_xmp(kind, packets, exif)
        turned.append((f"{kind} {case}", file, pixels(ImageOps.exif_transpose(opened(file)))))
write("orientation.npy", turned)

colors = np.random.default_rng(0).integers(0, 256, (16, 24, 4)).astype(np.uint8)
image = Image.fromarray(colors)
made = [("rgb to gray", pixels(image.convert("RGB").convert("L")))]
for name in ("white", "black", "#336699"):
    ground = Image.new("RGB", image.size, name)
    ground.paste(image, mask=image.getchannel("A"))
    made += [(f"{name} rgb", pixels(ground)), (f"{name} gray", pixels(ground.convert("L")))]
file = saved(colors, "PNG")
write("conversion.npy", [(name, file, values) for name, values in made])
