"""The service's calls, one method each, and what takes more than one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import httpx

from .errors import JobFailedError, ProblemError, StreamUnavailable, problem_of
from .events import Event, read_events
from .progress import ProgressBar

#: A resource as the service shows it: openapi.yaml has the fields.
Json = dict[str, Any]
#: Told of what happens to a job; True for a progress bar.
Progress = bool | Callable[[Event], None]
PathLike = str | os.PathLike[str]

_ENDED = ("succeeded", "failed", "cancelled")
_LONGEST_PAUSE_S = 60.0
#: The service is silent for 15 s at most.
_SILENT_AT_MOST_S = 45.0
_ATTEMPTS = 3
_POLL_S = 5


class Client:
    """A connection to the service.

    `address` is `ESPALIER_ADDRESS` or http://127.0.0.1:8080 where it is left out, `key` `ESPALIER_API_KEY`. Requests that may be repeated are sent again up to
    `retries` times where the service is busy, restarts or cannot be reached; `timeout` is that of httpx, in seconds. Every method raises ProblemError, and
    httpx.TransportError where nobody answers.
    """

    def __init__(
        self,
        address: str | None = None,
        key: str | None = None,
        *,
        retries: int = 4,
        timeout: float = 120.0,
        transport: httpx.BaseTransport | None = None,
    ):
        self.address = (address or os.environ.get("ESPALIER_ADDRESS") or "http://127.0.0.1:8080").rstrip("/")
        key = key or os.environ.get("ESPALIER_API_KEY")
        self._retries = retries
        # A store on another machine may be where a download is: httpx takes the key off on the way there.
        self._http = httpx.Client(
            base_url=self.address,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=timeout,
            transport=transport,
            follow_redirects=True,
        )

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Models and data sets ---------------------------------------------------------------------------------------------

    def upload_model(self, path: PathLike, *, name: str | None = None) -> Json:
        """Uploads a model file: .keras, .h5, .esp or a zip of other formats."""
        return self._upload("/v1/models", {"file": path}, {} if name is None else {"name": name})

    def upload_dataset(
        self,
        file: PathLike | None = None,
        *,
        x: PathLike | None = None,
        y: PathLike | None = None,
        x_test: PathLike | None = None,
        y_test: PathLike | None = None,
        name: str | None = None,
        split: Mapping[str, Any] | None = None,
        **fields: str,
    ) -> Json:
        """Uploads a data set: one .npz, CSV or zip of images, or IDX files by part.

        `split` says how samples are held out, {"selection": 0.1, "test": 0.1}; `fields` are the others of the form, `scale="unit"` (docs/data.md).
        """
        parts = {"file": file, "x": x, "y": y, "x_test": x_test, "y_test": y_test}
        if name is not None:
            fields["name"] = name
        if split is not None:
            fields["split"] = json.dumps(dict(split))
        return self._upload("/v1/datasets", {part: path for part, path in parts.items() if path is not None}, fields)

    def get(self, path: str, **query: Any) -> Json:
        """What a GET answers as JSON: `client.get("/v1/capabilities")`, `client.get("/v1/jobs", status="running")`."""
        answer: Json = self._request("GET", path, params=query).json()
        return answer

    def download(self, path: str, file: PathLike, **query: Any) -> Path:
        """Streams what a path answers to a file, which is there whole or not at all: `/v1/models/{id}/content` (with format="tflite" as that), `/v1/jobs/{id}/report`.

        Raises OSError where the bytes are not those that the service announced.
        """
        to = Path(file)
        unfinished = to.with_name(f"{to.name}.part")
        digest = hashlib.sha256()
        try:
            with self._http.stream("GET", path, params=query) as response:
                if not response.is_success:
                    raise problem_of(response)
                with unfinished.open("wb") as out:
                    for chunk in response.iter_bytes():
                        digest.update(chunk)
                        out.write(chunk)
            received = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
            if response.headers.get("repr-digest", received) != received:
                raise OSError(f"{path} came otherwise than it was announced: {received}, not {response.headers['repr-digest']}")
            unfinished.replace(to)
        finally:
            unfinished.unlink(missing_ok=True)
        return to

    # --- Jobs -------------------------------------------------------------------------------------------------------------

    def create_job(self, spec: Mapping[str, Any], *, idempotency_key: str | None = None) -> Json:
        """Queues a job. The same key and the same specification within a day have one effect."""
        headers = {"idempotency-key": idempotency_key or uuid.uuid4().hex}
        job: Json = self._request("POST", "/v1/jobs", json=dict(spec), headers=headers).json()
        return job

    def job(self, job_id: str) -> Json:
        return self.get(f"/v1/jobs/{job_id}")

    def cancel(self, job_id: str) -> Json:
        """Asks for the end of a job; what it had so far stays as a model."""
        return self._change(job_id, "cancel")

    def pause(self, job_id: str) -> Json:
        return self._change(job_id, "pause")

    def resume(self, job_id: str) -> Json:
        return self._change(job_id, "resume")

    def follow(self, job_id: str, *, series: str | None = None, after: str | None = None) -> Iterator[Event]:
        """A job's events to its end. What is cut off goes on where it was; `after` is the id of the last rows that the caller has."""
        pause_s = 1.0
        failures = 0
        while True:
            try:
                headers = {"accept": "text/event-stream", **({"last-event-id": after} if after else {})}
                query = {"series": series} if series else {}
                timeout = httpx.Timeout(30.0, read=_SILENT_AT_MOST_S)
                with self._http.stream("GET", f"/v1/jobs/{job_id}/events", params=query, headers=headers, timeout=timeout) as response:
                    if not response.is_success:
                        raise problem_of(response)
                    for event in read_events(response.iter_bytes()):
                        failures = 0
                        after = event.id or after
                        if event.event == "problem":
                            raise ProblemError(event.data)
                        yield event
                        if event.event == "end":
                            return
            except ProblemError as error:
                if not error.retryable:
                    raise
                cause: Exception | None = error
                pause_s = error.retry_after or pause_s
            except httpx.TransportError as error:
                cause = error
            else:
                cause = None
            failures += 1
            if failures >= _ATTEMPTS:
                raise StreamUnavailable("The job cannot be followed as it happens") from cause
            time.sleep(min(pause_s, _LONGEST_PAUSE_S))

    def wait(self, job_id: str, *, progress: Progress = False) -> Json:
        """The job as it ended, whichever way. Follows its events; polls where these do not come through."""
        told = _watcher(progress, f"Job {job_id}")
        try:
            for event in self.follow(job_id, series="epoch"):
                told(event)
                if event.event == "end":
                    ended: Json = event.data
                    return ended
        except StreamUnavailable:
            pass
        headers: dict[str, str] = {}
        while True:
            job: Json = self._request("GET", f"/v1/jobs/{job_id}", headers=headers).json()
            told(Event("end" if job["status"] in _ENDED else "job", job))
            if job["status"] in _ENDED:
                return job
            headers = {"prefer": f"wait={_POLL_S}"}

    def run(self, spec: Mapping[str, Any], *, progress: Progress = True, title: str | None = None) -> Json:
        """Queues a job and waits until it has succeeded. An interrupt (^C) cancels it. Raises JobFailedError where it did not succeed."""
        job = self.create_job(spec)
        try:
            job = self.wait(job["id"], progress=_watcher(progress, title or f"{job['type']} {job['id']}"))
        except KeyboardInterrupt:
            self.cancel(job["id"])
            raise
        if job["status"] != "succeeded":
            raise JobFailedError(job)
        return job

    # --- Requests ---------------------------------------------------------------------------------------------------------

    def _change(self, job_id: str, what: str) -> Json:
        job: Json = self._request("POST", f"/v1/jobs/{job_id}/{what}").json()
        return job

    def _upload(self, path: str, files: Mapping[str, PathLike], fields: Mapping[str, str]) -> Json:
        opened: dict[str, tuple[str, IO[bytes]]] = {}
        try:
            for part, file in files.items():
                opened[part] = (Path(file).name, Path(file).open("rb"))
            headers = {"idempotency-key": uuid.uuid4().hex}
            made: Json = self._request("POST", path, data=dict(fields), files=opened, headers=headers).json()
            return made
        finally:
            for _, stream in opened.values():
                stream.close()

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request that is sent again where that does no harm: reading, and creating under an idempotency key."""
        repeatable = method == "GET" or "idempotency-key" in options.get("headers", {})
        attempt = 0
        while True:
            last = not repeatable or attempt >= self._retries
            pause_s = 0.5 * 2**attempt
            try:
                # httpx reads files from where they stand, and goes back to the beginning when it sends them again.
                response = self._http.request(method, path, **options)
                if response.is_success:
                    return response
                error = problem_of(response)
                if last or not error.retryable:
                    raise error
                pause_s = error.retry_after or pause_s
            except httpx.TransportError:
                if last:
                    raise
            time.sleep(min(pause_s, _LONGEST_PAUSE_S) * random.uniform(0.75, 1.25))
            attempt += 1


def _watcher(progress: Progress, title: str) -> Callable[[Event], None]:
    if progress is True:
        return ProgressBar(title)
    return (lambda _: None) if progress is False else progress
