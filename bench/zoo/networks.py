"""Networks of the zoo in stock Keras: networks.py names | make <family> <file> <inputs> | compare <file> <inputs> <outputs> <shape>.

`make` saves a family's smallest network as test/keras/applications.py builds it, random weights and all, and 64 inputs for it, whose shape it prints.
`compare` loads a file and prints max|Keras - outputs| / max|Keras| over the inputs. Inputs and outputs are raw float32.
"""

import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../test/keras"))
import applications  # noqa: E402
import keras  # noqa: E402

command, *given = sys.argv[1:]
if command == "names":
    print(json.dumps({family: build.__name__ for family, (build, *_rest) in applications.FAMILIES.items()}))
elif command == "make":
    family, file, inputs = given
    x = applications.run({"family": family, "path": file})["x"]
    more = np.random.default_rng(2).uniform(x.min(), x.max(), (64, *x.shape[1:])).astype("float32")
    more.tofile(inputs)
    print(json.dumps(more.shape))
else:
    file, inputs, outputs, shape = given
    x = np.fromfile(inputs, "float32").reshape(json.loads(shape))
    made = np.asarray(keras.models.load_model(file)(x, training=False), "float32").ravel()
    print(json.dumps(float(np.abs(made - np.fromfile(outputs, "float32")).max() / np.abs(made).max())))
