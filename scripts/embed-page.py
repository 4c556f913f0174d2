#!/usr/bin/env python3
"""Writes Sources/CEmbedded/page.c, which puts the files of Page/ into the program: run it when a file of the page is new or gone."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENDINGS = {".html", ".js", ".css", ".svg"}


def main():
    files = sorted(file for file in (ROOT / "Page").rglob("*") if file.suffix in ENDINGS)
    text = "// Written by scripts/embed-page.py: every file of Page/ that the service answers.\n#include \"embedded.h\"\n\n"
    text += "#pragma clang diagnostic ignored \"-Wc23-extensions\"\n"
    names = []
    for file in files:
        path = file.relative_to(ROOT / "Page").as_posix()
        name = "page_" + "".join(character if character.isalnum() else "_" for character in path)
        names.append((path, name))
        text += f"\nstatic const unsigned char {name}[] = {{\n#embed \"../../Page/{path}\"\n}};\n"
    text += "\nconst struct tusk_page_file tusk_embedded_page[] = {\n"
    text += "".join(f"    {{\"{path}\", {name}, sizeof {name}}},\n" for path, name in names)
    text += "};\nconst size_t tusk_embedded_page_count = sizeof tusk_embedded_page / sizeof *tusk_embedded_page;\n"
    (ROOT / "Sources/CEmbedded/page.c").write_text(text)
    print(f"{len(names)} files")


if __name__ == "__main__":
    main()
