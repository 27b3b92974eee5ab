"""ResNet-50 as Keras saves it, 98 MiB: python resnet.py PATH"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras

keras.applications.ResNet50(weights=None).save(sys.argv[1])
