"""What a measurement must name: processor, versions, commit, date."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def processor():
    """Linux's name of it. Virtual machines hide the model, so its family and model number stand beside it."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    fields = {key: re.search(rf"^{key}\s*: (.*)$", text, re.MULTILINE) for key in ("model name", "cpu family", "model")}
    name, family, model = (found.group(1) if found else "?" for found in fields.values())
    flags = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    known = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flags and flag in flags.group(1).split()]
    return f"{name} (family {family}, model {model}; {', '.join(known) or platform.machine()})"


def commit():
    """Short hash; `+` when tracked files of the program differ from it."""

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", REPOSITORY, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "Sources", "Package.swift")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def description(packages):
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "tusk": commit(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
    }


def sentence(machine):
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    return (f"{machine['date']}, {machine['processor']}, {machine['cores']} cores; "
            f"tusk at commit {machine['tusk']}, {versions}.")
