"""Holds what kubectl kustomize rendered against schemas, strictly: kinds of Kubernetes by kubernetes-validate, custom resources by schemas/.

    python3 manifests.py VERSIONS RENDERED.yaml...    VERSIONS: of Kubernetes, divided by commas
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import jsonschema
import yaml

SCHEMAS = pathlib.Path(__file__).parent / "schemas"


def custom_kinds():
    return {path.stem: jsonschema.Draft202012Validator(json.loads(path.read_text())) for path in SCHEMAS.glob("*.json")}


def check(path, versions, custom):
    documents = [d for d in yaml.safe_load_all(path.read_text()) if d]
    if not documents:
        raise SystemExit(f"{path}: nothing was rendered")
    core = [d for d in documents if d["kind"] not in custom]
    for document in documents:
        for error in custom[document["kind"]].iter_errors(document) if document["kind"] in custom else ():
            where = "/".join(str(part) for part in error.absolute_path)
            raise SystemExit(f"{path}: {document['kind']} {document['metadata']['name']}: {where}: {error.message}")
    if core:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump_all(core, file)
            file.flush()
            validator = pathlib.Path(sys.executable).parent / "kubernetes-validate"
            for version in versions:
                result = subprocess.run([validator, "--strict", "--kubernetes-version", version, file.name], capture_output=True, text=True)
                if result.returncode != 0:
                    raise SystemExit(f"{path}: Kubernetes {version}: {result.stdout}{result.stderr}")
    check_selectors(path, documents)
    print(f"{path.name}: {', '.join(d['kind'] for d in documents)}")


def check_selectors(path, documents):
    """Who names pods by labels finds them, and mounts have their volumes: no schema says so."""
    templates = [d["spec"]["template"] for d in documents if d["kind"] == "Deployment"]
    labels = [template["metadata"]["labels"] for template in templates]
    for document in documents:
        spec = document.get("spec", {})
        wanted = spec.get("podSelector", {}).get("matchLabels")
        if document["kind"] in ("PodDisruptionBudget", "InferencePool"):
            wanted = spec["selector"]["matchLabels"]
        if document["kind"] == "Service":
            wanted = spec["selector"]
        if wanted and not any(wanted.items() <= have.items() for have in labels):
            raise SystemExit(f"{path}: {document['kind']} selects {wanted}, which no pod has")
        if document["kind"] == "ServiceMonitor":
            wanted = spec["selector"]["matchLabels"]
            services = [d for d in documents if d["kind"] == "Service" and wanted.items() <= d["metadata"]["labels"].items()]
            ports = {port["name"] for service in services for port in service["spec"]["ports"]}
            if {end["port"] for end in spec["endpoints"]} - ports:
                raise SystemExit(f"{path}: ServiceMonitor names a port that no Service has")
    for template in templates:
        volumes = {volume["name"] for volume in template["spec"].get("volumes", [])}
        for container in template["spec"]["containers"]:
            if {mount["name"] for mount in container.get("volumeMounts", [])} != volumes:
                raise SystemExit(f"{path}: mounts and volumes of {container['name']} differ")


if __name__ == "__main__":
    kinds = custom_kinds()
    for name in sys.argv[2:]:
        check(pathlib.Path(name), sys.argv[1].split(","), kinds)
