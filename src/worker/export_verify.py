"""Runs exports in their own runtimes and says how far their predictions are from those they were exported with.

`python -I -B export_verify.py onnxruntime` (or `tflite`); what it reads and answers is in contained_verify.py. A Python without the runtime answers
RUNTIME_NOT_INSTALLED for every file.
"""

import os
import sys

# An isolated Python looks for modules in its own folders alone.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from contained_verify import compared, contained, in_chunks, read_probe, reraise_out_of_memory  # noqa: E402

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))


class OnnxRuntime:
    title = "onnxruntime"
    missing = "This Python has not what runs ONNX (pip install onnx onnxruntime)"

    def __init__(self):
        import onnx
        import onnxruntime

        self.checker, self.library, self.version = onnx.checker, onnxruntime, onnxruntime.__version__
        onnxruntime.set_default_logger_severity(3)

    def load(self, path):
        """The types of the inputs, that in which the file computes, and what predicts."""
        self.checker.check_model(path, full_check=True)
        options = self.library.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = self.library.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        given = session.get_inputs()
        names = [output.name for output in session.get_outputs()]
        kinds = [tensor.type[len("tensor(") : -1] for tensor in given]
        types = [{"float": "float32", "double": "float64"}.get(kind, kind) for kind in kinds]
        return types, "float32", lambda arrays: session.run(names, {tensor.name: array for tensor, array in zip(given, arrays)})


class TensorFlowLite:
    title = "TensorFlow Lite"
    missing = "This Python has not what runs TensorFlow Lite (pip install tensorflow)"

    def __init__(self):
        import numpy
        import tensorflow
        from tensorflow.lite.python.interpreter import Interpreter

        self.interpreter, self.version, self.numpy = Interpreter, tensorflow.__version__, numpy

    def load(self, path):
        """The types of the inputs, that in which the file computes, and what predicts."""
        interpreter = self.interpreter(path, num_threads=THREADS)
        runner = interpreter.get_signature_runner()
        # Those of the signature are in no order.
        given, names = interpreter.get_input_details(), [output["name"] for output in interpreter.get_output_details()]
        types = [self.numpy.dtype(tensor["dtype"]).name for tensor in given]
        tensors = interpreter.get_tensor_details()
        scaled = any(tensor["quantization_parameters"]["scales"].size for tensor in tensors)
        halves = any(tensor["dtype"] == self.numpy.float16 for tensor in tensors)
        coarsest = "int8_weights" if scaled else "float16_weights" if halves else "float32"

        def run(arrays):
            outputs = runner(**{tensor["name"]: array for tensor, array in zip(given, arrays)})
            return [outputs[name] for name in names]

        return types, coarsest, run


def failed(runtime, what, error):
    reraise_out_of_memory(error)
    return {"status": "failed", "detail": f"{runtime.title} {runtime.version} {what}: {type(error).__name__}: {error}"[:2000]}


def verify(runtime, path, probe):
    try:
        types, dtype, run = runtime.load(path)
    except Exception as error:
        return failed(runtime, "does not load it", error)
    inputs, expected = read_probe(probe, len(types))

    def predict(arrays):
        return in_chunks(lambda chunk: run([array.astype(kind) for array, kind in zip(chunk, types)]), arrays)

    try:
        outputs = predict(inputs)
    except Exception as error:
        return failed(runtime, "does not run it", error)
    return compared(predict, inputs, outputs, expected, [not kind.startswith("float") for kind in types], dtype)


def work(kind):
    try:
        runtime = kind()
    except ImportError as error:
        missing = {"status": "not_verified", "code": "RUNTIME_NOT_INSTALLED", "detail": f"{kind.missing}: {error}"[:2000]}
        return "", lambda path, probe: missing
    return runtime.version, lambda path, probe: verify(runtime, path, probe)


if __name__ == "__main__":
    kind = {"onnxruntime": OnnxRuntime, "tflite": TensorFlowLite}[sys.argv[1]]
    contained(kind.title, lambda request: work(kind))
