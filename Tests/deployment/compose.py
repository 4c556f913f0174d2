"""Puts compose.monitoring.yaml over compose.yaml as Compose does where both have nothing in common, and looks for what it mounts.

    python3 compose.py OUTPUT.yaml
"""
import pathlib
import sys

import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"

merged = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
overlay = yaml.safe_load((DEPLOY / "compose.monitoring.yaml").read_text())
for section, entries in overlay.items():
    both = merged.setdefault(section, {}).keys() & entries.keys()
    if both:
        raise SystemExit(f"compose.monitoring.yaml: {section} has {sorted(both)} a second time; Compose would merge them")
    merged[section].update(entries)
for name, service in merged["services"].items():
    for depended in service.get("depends_on", []):
        if depended not in merged["services"]:
            raise SystemExit(f"{name} depends on {depended}, which is no service")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            if not (DEPLOY / source).is_dir():
                raise SystemExit(f"{name} mounts {source}, which is not there")
        elif source not in merged["volumes"]:
            raise SystemExit(f"{name} mounts the volume {source}, which is not declared")
    if "build" not in service and not service["image"].rpartition(":")[2][0].isalnum() or service["image"].endswith(":latest"):
        raise SystemExit(f"{name}: {service['image']} names no version")
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            raise SystemExit(f"{name}: {port} is open to other machines")
pathlib.Path(sys.argv[1]).write_text(yaml.safe_dump(merged))
