"""The text of an `.esp` file (docs/esp.md): a Keras config that says of objects in what they differ from Keras' defaults."""

import json
import os
import re
import zlib


def resource(name):
    with open(os.path.join(os.path.dirname(__file__), name), "rb") as file:
        return file.read()


def expanded(value, templates, counts):
    """What a text stands for in the words of templates."""
    if isinstance(value, list):
        return [expanded(item, templates, counts) for item in value]
    if not isinstance(value, dict) or isinstance(value.get(""), list):
        return {key: expanded(item, templates, counts) for key, item in value[""]} if isinstance(value, dict) else value
    if "" not in value:
        return {key: expanded(item, templates, counts) for key, item in value.items()}
    made = json.loads(json.dumps(templates[value[""]]))
    config, words = made["config"], re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", value[""])).lower()
    number = counts[value[""]] = counts.get(value[""], -1) + 1
    if config.get("name", "") is None:
        config["name"] = f"{words}_{number}" if number else words
    for key, item in value.items():
        if key not in ("", "-"):
            target, name = (made, key[1:]) if key[0] == "^" else (config, key)
            target[name] = expanded(item, templates, counts)
    for key in value.get("-", ()):
        del config[key]
    return {**made, "name": config["name"]} if "inbound_nodes" in made and "name" not in made else made


def read_text(deflated):
    text = json.loads(zlib.decompressobj(-15, zdict=resource("esp_dictionary.txt")).decompress(deflated))
    return {**text, "config": expanded(text["config"], json.loads(resource("esp_templates.json")), {})}
