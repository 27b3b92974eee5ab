"""What goes wrong, as exceptions with the service's codes (docs/errors.md has every one)."""

from __future__ import annotations

import json
from typing import Any

import httpx


class EspalierError(Exception):
    """What the service says went wrong. `code` is stable; None where there is none."""

    code: str | None = None


class ProblemError(EspalierError):
    """An answer that is an error (RFC 9457)."""

    def __init__(self, problem: dict[str, Any], retry_after: float | None = None):
        self.problem = problem
        self.code = str(problem["code"])
        self.status = int(problem["status"])
        self.detail = str(problem["detail"])
        self.retryable = bool(problem["retryable"])
        #: Places in the request that it is about: pointer, detail, received.
        self.errors: list[dict[str, Any]] = problem.get("errors", [])
        #: Seconds after which to try again, where the service said so.
        self.retry_after = retry_after
        places = "".join(f"\n  {error['pointer']}: {error['detail']}" for error in self.errors)
        super().__init__(f"{self.code}: {self.detail}{places}")


class JobFailedError(EspalierError):
    """A job that was waited for and failed, or was cancelled, which has no code."""

    def __init__(self, job: dict[str, Any]):
        self.job = job
        error = job.get("error") or {}
        self.code = error.get("code")
        why = f"failed with {self.code}: {error.get('detail')}" if job["status"] == "failed" else "was cancelled"
        super().__init__(f"The {job['type']} job {job['id']} {why}")


class StreamUnavailable(Exception):
    """A job's events do not come through: something between holds them back, or too many follow jobs."""


def problem_of(response: httpx.Response) -> ProblemError:
    """The error that an answer is. Whatever stands between may answer with something else than a problem object. Reads the body."""
    body = response.read()
    try:
        retry_after = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        retry_after = None
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return ProblemError(json.loads(body), retry_after)
    status = response.status_code
    unavailable = status in (502, 503, 504)
    return ProblemError(
        {
            "type": "about:blank",
            "title": response.reason_phrase,
            "status": status,
            "code": "UNAVAILABLE" if unavailable else "TOO_MANY_REQUESTS" if status == 429 else "INTERNAL",
            "detail": f"The answer {status} was no problem object: {body[:200].decode('utf-8', 'replace')}",
            "retryable": unavailable or status == 429,
        },
        retry_after,
    )
