"""Loads a file in stock Keras and prints {"import_s", "load_s", "before_mib", "peak_mib"}: python keras_load.py PATH"""

import json
import os
import re
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
started = time.perf_counter()

import keras


def mib(field):
    with open("/proc/self/status") as status:
        return int(re.search(rf"^{field}:\s+(\d+) kB", status.read(), re.M)[1]) / 1024


imported = time.perf_counter()
before = mib("VmRSS")
model = keras.models.load_model(sys.argv[1])
loaded = time.perf_counter()
assert model.count_params() > 0
print(json.dumps({"import_s": imported - started, "load_s": loaded - imported, "before_mib": before, "peak_mib": mib("VmHWM")}))
