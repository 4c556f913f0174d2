"""Reduces the schema of a custom resource to what Tests/deployment keeps in schemas/.

    python3 reduce_schema.py CRD.yaml VERSION SOURCE OUTPUT.json [MANIFEST.yaml ...]

SOURCE is the address and the release of the CRD, and its licence. Without manifests everything but descriptions stays. With manifests only
the properties that they have stay, after they were held against the whole schema: the schemas of KServe, which hold those of a pod several
times, would be 0.6 MB. Either way objects are closed: a property that the result does not have is an error, as it is for `kubectl --validate=strict`.
"""
import json
import sys

import jsonschema
import yaml

DROPPED = {"description", "default", "example", "externalDocs", "format", "nullable"}


def closed(schema):
    """`schema` of OpenAPI 3 as JSON Schema, without prose, and closed where the cluster prunes or refuses unknown properties."""
    if not isinstance(schema, dict):
        return schema
    result = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {name: closed(part) for name, part in value.items()}
        elif key in ("items", "additionalProperties", "not"):
            result[key] = closed(value)
        elif key in ("allOf", "anyOf", "oneOf"):
            result[key] = [closed(part) for part in value]
        elif key not in DROPPED and not key.startswith("x-kubernetes-"):
            result[key] = value
    if schema.get("x-kubernetes-int-or-string"):
        result = {"type": ["integer", "string"], **{key: result[key] for key in ("pattern",) if key in result}}
    if "properties" in result and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    if schema.get("nullable"):
        result = {"anyOf": [result, {"type": "null"}]}
    return result


def reduced(schema, values):
    """`schema` with those properties only that one of `values` has, or that it requires."""
    if not isinstance(schema, dict):
        return schema
    result = dict(schema)
    if "properties" in schema:
        found = {name: [v[name] for v in values if isinstance(v, dict) and name in v] for name in schema["properties"]}
        result["properties"] = {
            name: reduced(part, found[name]) for name, part in schema["properties"].items()
            if found[name] or name in schema.get("required", [])}
    if "items" in schema:
        result["items"] = reduced(schema["items"], [item for v in values if isinstance(v, list) for item in v])
    return result


def main(crd, version, source, output, manifests):
    with open(crd) as file:
        definition = next(d for d in yaml.safe_load_all(file) if d)["spec"]
    schema = next(v for v in definition["versions"] if v["name"] == version)["schema"]["openAPIV3Schema"]
    schema = closed(schema)
    text = {"type": "object", "additionalProperties": {"type": "string"}}
    schema["properties"]["metadata"] = {
        "type": "object", "required": ["name"], "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}, "labels": text, "annotations": text}}
    kind = definition["names"]["kind"]
    schema["properties"]["apiVersion"] = {"const": f"{definition['group']}/{version}"}
    schema["properties"]["kind"] = {"const": kind}
    if manifests:
        values = [d for path in manifests for d in yaml.safe_load_all(open(path)) if d and d["kind"] == kind]
        for value in values:
            jsonschema.Draft202012Validator(schema).validate(value)
        schema = reduced(schema, values)
    schema = {"$comment": source, **schema, "required": ["apiVersion", "kind", "metadata", "spec"]}
    with open(output, "w") as file:
        file.write(json.dumps(schema, separators=(", ", ": ")) + "\n")
    print(f"{output}: {kind} {version}")


if __name__ == "__main__":
    main(*sys.argv[1:5], sys.argv[5:])
