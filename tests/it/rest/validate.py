"""Holds answers of POST /retrieve, one JSON object in each line, against an OpenAPI document."""

import json
import sys

import jsonschema_rs
import yaml

# An OpenAPI schema is written for a parser that keeps "date-time" as text; so is JSON.
document = yaml.load(open(sys.argv[1], encoding="utf-8"), Loader=yaml.BaseLoader)


def typed(node, key=None):
    """BaseLoader keeps scalars as text; numbers and booleans of the schema language get their type back."""
    if isinstance(node, dict):
        return {name: typed(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [typed(value, key) for value in node]
    if key in ("minProperties", "maxProperties", "maxLength", "minItems", "maxItems", "minimum", "maximum"):
        return int(node)
    if key in ("uniqueItems", "required"):
        return {"true": True, "false": False}.get(node, node)
    if key == "enum" and node.isdigit():
        return int(node)
    return node


document = typed(document)
responses = document["paths"]["/retrieve"]["post"]["responses"]


def resolve(node):
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def valid(schema, value):
    root = {"allOf": [schema], "components": document["components"]}
    return jsonschema_rs.Draft4Validator(root, validate_formats=True).validate(value)


count = 0
for line in sys.stdin:
    answer = json.loads(line)
    response = resolve(responses[str(answer["status"])])
    try:
        valid(response["content"]["application/json"]["schema"], answer["body"])
        for name, header in response["headers"].items():
            header = resolve(header)
            value = answer["headers"].get(name.lower())
            if value is None:
                assert not header.get("required"), f"{name} is missing"
            else:
                valid(header["schema"], value)
    except Exception as error:
        sys.exit(f"{line}{error}")
    count += 1
print(f"{count} answers are as documented")
