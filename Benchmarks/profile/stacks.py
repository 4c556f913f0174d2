"""Stacks of functions that a processor was found in, sampled by Linux's perf.

A sample is taken of each thread after so much time on a processor (`cpu-clock`, which virtual machines have too), the kernel's part of
it included where perf may look there. Stacks are walked by frame pointers: our code keeps them, OpenSSL and zlib do not, so below
those a stack may lack its callers.
"""

import collections
import contextlib
import os
import re
import shutil
import subprocess
import tempfile

HERTZ = 1999  # no multiple of what beats by itself, such as a tick of 10 ms


@contextlib.contextmanager
def sampled(command=None, pid=None, hertz=HERTZ, but=()):
    """Samples `command`, which runs to its end, or the process `pid` as long as the block runs; yields a list that then has the
    stacks, each a list of names from the thread's first function on, with a count. Threads whose name begins with one of `but` are
    left out."""
    if not shutil.which("perf"):
        raise RuntimeError("perf is not there: Debian's linux-perf has it")
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        record = ["perf", "record", "--quiet", "--event", "cpu-clock", "--freq", str(hertz), "--call-graph", "fp", "--output", data]
        stacks = []
        if command:
            subprocess.run([*record, "--", *command], check=True, stdout=subprocess.DEVNULL)
            yield stacks
        else:
            process = subprocess.Popen([*record, "--pid", str(pid)])
            try:
                yield stacks
            finally:
                process.send_signal(2)
                process.wait()
        stacks += folded(data, but)


def folded(data, but=()):
    """Stacks of a recording with their counts, without those of threads whose name begins with one of `but`."""
    script = subprocess.run(["perf", "script", "--input", data, "--fields", "comm,ip,sym,dso"], check=True, capture_output=True, text=True)
    counts = collections.Counter()
    for sample in script.stdout.strip().split("\n\n"):
        frames = []
        if sample.lstrip().startswith(tuple(but)):
            continue
        for line in sample.splitlines()[1:]:
            match = re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
            if match:
                name, library = match.groups()
                name = re.sub(r"\+0x[0-9a-f]+$", "", name)
                kernel = library.startswith("[kernel") or library == "[guest.kernel.kallsyms]"
                frames.append(f"{name} [kernel]" if kernel else name if name != "[unknown]" else f"[{os.path.basename(library)}]")
        if frames:
            counts[tuple(reversed(frames))] += 1
    plain = demangled({name for stack in counts for name in stack})
    merged = collections.Counter()
    for stack, count in counts.items():
        merged[tuple(name for name in (plain[name] for name in stack) if not is_thunk(name))] += count
    return sorted(merged.items())


def is_thunk(name):
    """Whether a function only hands on to the next: a stack says as much without it."""
    return name.startswith(("partial apply for ", "thunk for ", "@objc ", "specialized thunk for ", "protocol witness for ",
                            "dispatch thunk of ", "reabstraction thunk"))


def demangled(names):
    """Names as a reader of Swift knows them, without what tells copies of one function apart."""
    mangled = sorted(name for name in names if name.startswith("$s"))
    plain = {name: name for name in names}
    if mangled and shutil.which("swift"):
        output = subprocess.run(["swift", "demangle", "--simplified", "--compact"], input="\n".join(mangled), capture_output=True,
                                text=True, check=True).stdout.splitlines()
        plain |= dict(zip(mangled, output))
    return {name: re.sub(r"^((?:generic )?specialized |closure #\d+ in )+", "", text) for name, text in plain.items()}


def shares(stacks):
    """Per cent of the samples by function: in itself, and with all that it called; largest first."""
    total = sum(count for _, count in stacks)
    own, whole = collections.Counter(), collections.Counter()
    for stack, count in stacks:
        own[stack[-1]] += count
        for name in set(stack):
            whole[name] += count
    return [(name, 100 * own[name] / total, 100 * whole[name] / total) for name in sorted(whole, key=lambda n: (-own[n], -whole[n]))]
