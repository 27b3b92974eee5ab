"""Fails a build when a compressed model breaks what was agreed on. Needs httpx and NumPy, and no Keras.

    PYTHONPATH=clients/python python examples/ci/gate.py original.keras compressed.keras data.npz \\
      --threshold max_negative_flip_rate=0.01 --threshold max_class_recall_drop=0.03 --report report.html

Both models are held against each other on the test split of the data (docs/report.md has the thresholds). Exit code 0: every threshold holds. 1: one does not. 2: it could not be
judged, and stderr says why. ESPALIER_ADDRESS says where the service is, ESPALIER_API_KEY what its key is.
"""

import argparse
import sys

import httpx

import espalier


def threshold(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def judge(options: argparse.Namespace, client: espalier.Client) -> bool:
    """Prints what was measured for each threshold; whether all hold."""
    spec = {
        "type": "evaluate",
        "model_id": client.upload_model(options.original)["id"],
        "candidate_model_id": client.upload_model(options.candidate)["id"],
        # Test samples that come with the file are taken; else so many of the others.
        "dataset_id": client.upload_dataset(options.data, split={"test": options.test})["id"],
        "evaluation": {"thresholds": dict(options.threshold)},
    }
    job = client.run(spec, progress=sys.stderr.isatty(), title="Comparing")
    if options.report:
        client.download(f"/v1/jobs/{job['id']}/report", options.report)
    checks = job["result"]["checks"]
    for said in checks["thresholds"]:
        print(f"{'holds ' if said['holds'] else 'BROKEN'}  {said['name']}: {said['reason']}")
    print(f"{checks['verdict']} on {checks['samples']} samples")
    return bool(checks["verdict"] == "passed")


def main() -> int:
    parser = argparse.ArgumentParser(description="Fails a build when a compressed model breaks thresholds.")
    parser.add_argument("original")
    parser.add_argument("candidate")
    parser.add_argument("data")
    parser.add_argument("--threshold", type=threshold, action="append", required=True, metavar="NAME=VALUE")
    parser.add_argument(
        "--test", type=float, default=0.2, help="how many samples are for testing where the file has none that are (default 0.2)"
    )
    parser.add_argument("--report", metavar="FILE", help="where the report goes")
    options = parser.parse_args()
    try:
        with espalier.Client() as client:
            return 0 if judge(options, client) else 1
    except (espalier.EspalierError, httpx.TransportError, OSError) as error:
        print(f"It could not be judged: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
