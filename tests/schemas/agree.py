"""Objects, and what kubernetes-validate says of each: those given, others that are made from its schemas, and all of
them with one thing changed.

usage: agree.py TRAIN COUNT KINDS < OBJECTS     a JSON object a line; COUNT: how many to make; KINDS: overlays/schemas/TRAIN.txt
prints {"object": …, "why": null or what is wrong with it} a line; the same every time
"""
import copy
import functools
import json
import pathlib
import random
import sys

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils

train, count = sys.argv[1], int(sys.argv[2])
rng = random.Random(train)
folder = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{train}.0-local-strict"
definitions = json.loads((folder / "_definitions.json").read_text())
definitions = definitions.get("$defs") or definitions["definitions"]
types = {(gvk["group"], gvk["version"], gvk["kind"]): name for name, schema in definitions.items()
         for gvk in schema.get("x-kubernetes-group-version-kind", [])}
kinds = [line.split()[1:3] for line in open(sys.argv[3]) if line.startswith("kind ")]

# files are read once, and not for every object
if hasattr(utils, "schema_contents"):
    utils.schema_contents = functools.cache(utils.schema_contents)
else:
    resolve = jsonschema.RefResolver.resolve_from_url
    resolved = functools.cache(lambda url: resolve(jsonschema.RefResolver("", {}), url))
    jsonschema.RefResolver.resolve_from_url = lambda _, url: resolved(url)


def made(schema, depth):
    """A value that the schema allows; deep ones have only what they must."""
    if "$ref" in schema:
        return made(definitions[schema["$ref"].rsplit("/", 1)[1]], depth)
    if "oneOf" in schema:
        return rng.choice(["12", 12])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        [kind] = [word for word in kind if word != "null"]
    if kind == "object":
        fields = schema.get("properties", {})
        if not fields:
            values = schema.get("additionalProperties")
            return {"a": made(values, depth + 1)} if values else {"a": {"b": [1]}}
        wanted = list(schema.get("required", []))
        others = sorted(set(fields) - set(wanted) - {"apiVersion", "kind"})
        wanted += rng.sample(others, min(len(others), rng.randrange(5) if depth < 8 else 0))
        return {field: made(fields[field], depth + 1) for field in wanted}
    if kind == "array":
        return [made(schema["items"], depth + 1) for _ in range(rng.choice([0, 1, 1, 2]) if depth < 9 else 0)]
    return {"string": "1234", "integer": 7, "number": rng.choice([7, 7.5]), "boolean": True, "any": {"a": 1}}[kind]


def example():
    version, kind = rng.choice(kinds)
    group, number = version.split("/") if "/" in version else ("", version)
    value = {**made(definitions[types[group, number, kind]], 0), "apiVersion": version, "kind": kind}
    value["metadata"] = {**value.get("metadata", {}), "name": "a"}
    return value


def places(value, path=()):
    """Every value below, but what makes an object an object."""
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if (*path, key) not in {("apiVersion",), ("kind",), ("metadata",), ("metadata", "name")}:
            yield value, key
        yield from places(below, (*path, key))


def changed(value):
    """One thing is gone, has another name or another type, or is new."""
    value = copy.deepcopy(value)
    around, key = rng.choice(list(places(value)) or [(value, "kind")])
    old = around[key]
    how = rng.randrange(4) if around is not value or key != "kind" else 3
    if isinstance(around, list) or how == 0:
        # the schemas of 1.20 refuse `cpu: 0.5`, which its server takes
        others = ["1234", 7, True, [], {}, [old], {"a": old}] + ([] if train == "1.20" else [7.5])
        around[key] = rng.choice(others)
    elif how == 1 and key != "image":
        del around[key]
    elif how == 2:
        around[key[:-1] + "x"] = around.pop(key)
    else:
        around["new"] = rng.choice(["1234", 7, {}])
    return value


def main():
    values = [json.loads(line) for line in sys.stdin]
    values += [one for value in values for one in (changed(value), changed(value))]
    for _ in range(count):
        value = example()
        values += [value, changed(value)]
    for value in values:
        why = None
        try:
            kubernetes_validate.validate(value, train, strict=True)
        except jsonschema.ValidationError as error:
            why = error.message
        except utils.SchemaNotFoundError:
            # a definition of an addon's own
            continue
        print(json.dumps({"object": value, "why": why}))


main()
