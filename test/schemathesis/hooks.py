"""Real files and real ids for what Schemathesis generates: random bytes are no models, and random ids name nothing."""

import itertools
import json
import os
import re

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase

# Written by run.ts: paths of files, and ids of what it uploaded.
with open(os.environ["ESPALIER_POOL"]) as file:
    POOL = json.load(file)
FILES = []
for path in POOL["files"]:
    with open(path, "rb") as file:
        FILES.append(file.read())
TURN = itertools.count()

schemathesis.openapi.format("binary", st.one_of(st.sampled_from(FILES), st.binary(max_size=2000)))


# What resumable uploads send is bytes.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """A server that has keys lets nobody in without one; the document is of servers without keys as well."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            if {} in operation["security"]:
                operation["security"].remove({})


def real(value):
    """The id of something that is there, in place of one that has the form of an id."""
    if isinstance(value, str) and re.fullmatch(r"(mdl|dst|job)_[0-9A-HJKMNP-TV-Z]{26}", value):
        ids = POOL["ids"][value[:3]]
        return ids[next(TURN) % len(ids)]
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if case.operation.label == "POST /v1/jobs" and isinstance(body, dict):
        for name in ("model_id", "dataset_id", "candidate_model_id"):
            if name in body:
                body[name] = real(body[name])
    # Elsewhere links lead to what there is; what is to be deleted is left to them.
    if case.method != "DELETE" and case.meta and case.meta.phase.name != TestPhase.STATEFUL and next(TURN) % 2:
        for name, value in (case.path_parameters or {}).items():
            case.path_parameters[name] = real(value)
    # Half a minute for each example of a job that waits would be all that the run does.
    headers = case.headers or {}
    if re.search(r"wait=\d+", str(headers.get("Prefer", ""))):
        headers["Prefer"] = "wait=1"
