"""The client against the service at ESPALIER_ADDRESS: test/real/callers.test.ts starts one and runs this in stock Keras' environment."""

import os
import subprocess
import sys
import tempfile
import unittest

import httpx
import keras
import numpy as np

import espalier
from espalier.events import Event, read_events
from espalier.progress import ProgressBar

HERE = os.path.dirname(__file__)


def classes(samples):
    """Three classes of 12 features, told apart by sums of them."""
    random = np.random.default_rng(0)
    x = random.standard_normal((samples, 12)).astype("float32")
    return x, np.argmax(x.reshape(samples, 3, 4).sum(axis=2), axis=1).astype("int64")


def network():
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((12,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential(layers, name="sums")
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def accuracy(model, x, y):
    return float(np.mean(np.argmax(model.predict(x, verbose=0), axis=1) == y))


class LiveModels(unittest.TestCase):
    def test_a_live_model_is_trained_pruned_and_comes_back_live(self):
        x, y = classes(600)
        model = network()
        before = [weight.copy() for weight in model.get_weights()]
        events = []
        trained = espalier.train(
            model, x, y, epochs=10, batch_size=32, clipping={"type": "global_norm", "max_norm": 1.0}, progress=events.append
        )
        for kept, now in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(kept, now)
        self.assertGreater(accuracy(trained, x, y), 0.9)
        self.assertEqual(events[-1].event, "end")
        self.assertEqual(sum(len(event.data) for event in events if event.event == "rows"), 10)

        smaller, job = espalier.prune(
            trained,
            x,
            y,
            target={"macs": 0.5},
            criterion="magnitude",
            fine_tuning={"epochs": 3},
            test_data=classes(60),
            progress=False,
            return_job=True,
        )
        self.assertLess(smaller.count_params(), trained.count_params() * 0.6)
        self.assertGreater(accuracy(smaller, x, y), 0.8)
        self.assertEqual(job["result"]["receipt"]["result"]["parameters"], smaller.count_params())
        # It is compiled as the one that was sent, and goes on.
        smaller.fit(x, y, epochs=1, verbose=0)

    def test_what_cannot_work_is_refused_with_a_code(self):
        x, y = classes(100)
        with self.assertRaises(espalier.ProblemError) as caught:
            espalier.prune(network(), x, y, target={"macs": 1e-6}, progress=False)
        self.assertEqual((caught.exception.code, caught.exception.status), ("TARGET_OUT_OF_REACH", 422))
        with self.assertRaisesRegex(ValueError, "Received beside dst_1: y"):
            espalier.prune(network(), "dst_1", y, target={"macs": 0.5})


class WithoutEvents(httpx.HTTPTransport):
    """Something between that holds back what is streamed."""

    def handle_request(self, request):
        if request.url.path.endswith("/events"):
            return httpx.Response(502, text="no streams here")
        return super().handle_request(request)


class Jobs(unittest.TestCase):
    def test_a_job_without_events_is_polled_and_a_cancelled_one_is_an_error_that_has_it(self):
        x, y = classes(200)
        with tempfile.TemporaryDirectory() as folder, espalier.Client(transport=WithoutEvents()) as client:
            np.savez(f"{folder}/data.npz", x=x, y=y)
            network().save(f"{folder}/model.keras")
            spec = {
                "type": "train",
                "dataset_id": client.upload_dataset(f"{folder}/data.npz", name="sums")["id"],
                "model_id": client.upload_model(f"{folder}/model.keras")["id"],
                "training": {"epochs": 100_000},
            }
            told = []

            def watch(event):
                told.append(event.event)
                if told == ["job"]:
                    client.cancel(event.data["id"])

            with self.assertRaises(espalier.JobFailedError) as caught:
                client.run(spec, progress=watch)
            job = caught.exception.job
            self.assertEqual((job["status"], told[-1]), ("cancelled", "end"))
            report = client.download(f"/v1/jobs/{job['id']}/report", f"{folder}/report.html")
            self.assertIn("<!doctype html>", report.read_text()[:200].lower())
            self.assertEqual(sorted(os.listdir(folder)), ["data.npz", "model.keras", "report.html"])


class Streams(unittest.TestCase):
    def test_events_are_read_however_the_stream_is_cut(self):
        stream = 'retry: 2000\n\n:\n\nid: 1.2\nevent: rows\ndata: [{"é": "\u2028"}]\n\nevent: end\r\ndata: {}\r\n\r\n'.encode()
        whole = [Event("rows", [{"é": "\u2028"}], "1.2"), Event("end", {})]
        for size in (1, 2, 7, len(stream)):
            self.assertEqual(list(read_events(stream[at : at + size] for at in range(0, len(stream), size))), whole)

    def test_progress_is_a_line_a_phase_where_there_is_no_terminal(self):
        with tempfile.TemporaryFile("w+") as file:
            bar = ProgressBar("Pruning", file)
            for fraction in (0.5, 0.51, 0.6):
                bar(
                    Event(
                        "progress",
                        {
                            "progress": {"phase": "training", "fraction": fraction, "eta_s": {"low": 2.2, "high": 4}},
                            "metrics": {"loss": 0.25},
                        },
                    )
                )
            bar(Event("end", {"status": "succeeded"}))
            file.seek(0)
            lines = file.read().splitlines()
        self.assertEqual(lines[0], "Pruning:  50 % training  loss 0.25  2-4 s left")
        self.assertEqual(len(lines), 3)

    def test_esp_files_are_decoded_without_httpx(self):
        code = "import sys; sys.modules['httpx'] = None; from espalier import esp; print(esp.read.__name__)"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.path.dirname(HERE)},
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(done.stdout.strip(), "read")


if __name__ == "__main__":
    unittest.main()
