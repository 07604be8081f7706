"""Holds events of the Open Cybersecurity Schema Framework, a line each, against its public schema."""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

# The version that events name must be among them; the others show that it does not matter which one a reader has.
VERSIONS = ["1.5.0", "1.6.0", "1.7.0", "1.8.0"]


def enums(schema, class_uid):
    """The words that belong to the numbers of a class."""
    for name, found in schema["classes"].items():
        if found.get("uid") == class_uid:
            return name, {
                attribute: {int(number): entry["caption"] for number, entry in about["enum"].items()}
                for attribute, about in found["attributes"].items()
                if about.get("enum") and all(number.isdigit() for number in about["enum"])
            }
    raise SystemExit(f"class {class_uid} is not in the schema")


def main():
    events = [json.loads(line) for line in sys.stdin]
    if not events:
        raise SystemExit("there are no events")
    wrong = []
    for version in VERSIONS:
        raw = get_ocsf_schema(version=version)
        embedded = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
        validators = {}
        for event in events:
            uid = event["class_uid"]
            if uid not in validators:
                name, words = enums(raw, uid)
                profiles = event["metadata"]["profiles"]
                validators[uid] = (Draft202012Validator(embedded.get_class_schema(name, profiles)), words)
            validator, words = validators[uid]
            for error in validator.iter_errors(event):
                wrong.append(f"{version}: {list(error.absolute_path)}: {error.message[:300]}")
            for number, word in [("activity_id", "activity_name"), ("status_id", "status"), ("severity_id", "severity")]:
                caption = words[number].get(event[number])
                # 99 is "Other": there the word is the source's own.
                if event[number] != 99 and caption != event[word]:
                    wrong.append(f"{version}: {word} is {event[word]!r} where {event[number]} is {caption!r}")
            if event["type_uid"] != uid * 100 + event["activity_id"]:
                wrong.append(f"{version}: type_uid {event['type_uid']}")
            if event["metadata"]["version"] not in VERSIONS:
                wrong.append(f"version {event['metadata']['version']} is not one that it was held against")
    if wrong:
        raise SystemExit("\n".join(sorted(set(wrong))[:40]))
    print(json.dumps(sorted({event["class_uid"] for event in events})))


main()
