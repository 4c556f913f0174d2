"""Starts the program with the arguments of each rendered Deployment and of Compose, and asks it what their probes ask.

    python3 arguments.py --program PATH --model FILE RENDERED.yaml...
"""
import argparse
import pathlib
import shutil
import tempfile
import urllib.request

import yaml

from service import free_port, service


def containers(path):
    """Arguments, folders that are mounted, and paths of probes."""
    for document in yaml.safe_load_all(path.read_text()):
        if document and document.get("kind") == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                probes = [container[p]["httpGet"]["path"] for p in ("startupProbe", "readinessProbe", "livenessProbe")]
                yield container["args"], [m["mountPath"] for m in container.get("volumeMounts", [])], probes
        elif document and "services" in document:
            yield document["services"]["tusk"]["command"], [], ["/health/ready"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    parser.add_argument("--model", required=True)
    parser.add_argument("rendered", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    for path in options.rendered:
        for arguments, mounts, probes in containers(path):
            with tempfile.TemporaryDirectory() as folder:
                shutil.copyfile(options.model, pathlib.Path(folder, "mine.safetensors"))
                # A listener for metrics gets a free port too.
                given = [folder if a in mounts else a.replace(":9464", f":{free_port()}") for a in arguments]
                if set(mounts) - set(arguments):
                    raise SystemExit(f"{path.name}: {mounts} is mounted, and no argument names it")
                # The drain delay is waited for at the end.
                port = free_port()
                with service(options.program, *given[1:], "--port", str(port), "--drain-delay", "0", "--access-log", "off"):
                    for probe in probes:
                        with urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=10) as answer:
                            assert answer.status == 200
            print(f"{path.name}: {' '.join(arguments)}")


if __name__ == "__main__":
    main()
