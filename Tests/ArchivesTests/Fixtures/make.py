"""Archives by the programs that people have: Python 3.11's tarfile and zipfile, GNU tar 1.34, Info-ZIP's zip 3.0.
Usage: python3 make.py, in this folder; the times are fixed, so that the bytes are the same."""
import gzip, io, os, shutil, subprocess, tarfile, tempfile, zipfile

FILES = [(b"cat/1.png", b"one"), (b"d\xffg/2.png", b"two" * 300), ("\u00fcber/3.png".encode(), b""), (b"l/" * 70 + b"4.png", b"four")]


def tars():
    for name, form in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
            for path, data in FILES:
                info = tarfile.TarInfo(path.decode("utf-8", "surrogateescape"))
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            for path, kind in [("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE), ("folder", tarfile.DIRTYPE)]:
                info = tarfile.TarInfo(path)
                info.type, info.linkname = kind, "cat/1.png" if "link" in path or path == "hard" else ""
                archive.addfile(info)
        with open(name + ".tar.gz", "wb") as file:
            file.write(gzip.compress(out.getvalue(), mtime=0))


def sparse():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "holes.bin")
        with open(path, "wb") as file:
            for place in range(60):  # more pieces than a header of GNU's old form lists
                file.seek(place * 65536)
                file.write(b"x")
        for name in ("cat.png", "dog.png"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(name.encode())
        for form in ("gnu", "pax"):
            data = subprocess.run(["tar", "--sparse", "--format=" + form, "--mtime=@0", "--owner=0", "--group=0", "-cf", "-", "cat.png",
                                   "holes.bin", "dog.png"], cwd=folder, stdout=subprocess.PIPE, check=True).stdout
            with open("sparse-" + form + ".tar.gz", "wb") as file:
                file.write(gzip.compress(data, mtime=0))


class Pipe(io.RawIOBase):
    """A file that one can only append to."""
    def __init__(self): self.data = b""
    def writable(self): return True
    def write(self, data): self.data += bytes(data); return len(data)
    def seekable(self): return False
    def tell(self): raise OSError("a pipe")


def zips():
    names = ["cat/1.png", "\u00fcber/2.png", "dog/3.png"]
    for name, method, out in [("stored", zipfile.ZIP_STORED, io.BytesIO()), ("deflated", zipfile.ZIP_DEFLATED, io.BytesIO()),
                              ("piped", zipfile.ZIP_DEFLATED, Pipe()), ("piped-stored", zipfile.ZIP_STORED, Pipe())]:
        with zipfile.ZipFile(out, "w", method) as archive:
            for place, path in enumerate(names):
                info = zipfile.ZipInfo(path)
                info.compress_type = method
                with archive.open(info, "w", force_zip64=place == 2) as file:
                    file.write(path.encode() * 40)
        data = out.data if isinstance(out, Pipe) else out.getvalue()
        with open(name + ".zip", "wb") as file:
            file.write(data)
    if shutil.which("zip"):
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "\u00fcber"))
            for path in ("\u00fcber/1.png", "2.png"):
                with open(os.path.join(folder, path), "wb") as file:
                    file.write(path.encode() * 40)
            os.symlink("2.png", os.path.join(folder, "link.png"))
            for dir, _, files in os.walk(folder):
                for path in files:
                    os.utime(os.path.join(dir, path), (0, 0), follow_symlinks=False)
            for name, command in [("info-zip", "zip -q -r -y -X out.zip 2.png link.png \u00fcber; cat out.zip"),
                                  ("info-zip-piped", "zip -q -r -X - 2.png \u00fcber | cat")]:
                out = subprocess.run(command, shell=True, cwd=folder, env={**os.environ, "TZ": "UTC"}, stdout=subprocess.PIPE, check=True).stdout
                with open(name + ".zip", "wb") as file:
                    file.write(out)


tars()
sparse()
zips()
