"""FGSM and PGD of foolbox on Keras models: foolbox_attacks.py '{models, x, y, epsilons, steps, seed}'. Runs in the foolbox environment.

`models` are two .keras files that end in a softmax, which is left out; `x` and `y` are IDX files. Attacks are as the service's: L-infinity, on logits, PGD from
a random start by steps of 2.5 epsilon / steps. Prints [{attack, epsilon, made_on, accuracies: [of each model]}], with {attack: null} for the images as they are.
"""

import json
import sys

import foolbox
import keras
import numpy as np
import tensorflow as tf
from data import idx

order = json.loads(sys.argv[1])
images = tf.constant(idx(order["x"], 16).reshape(-1, 28, 28, 1).astype("float32") / 255)
labels = tf.constant(idx(order["y"], 8).astype("int64"))


def logits_of(file):
    model = keras.saving.load_model(file)
    model.layers[-1].activation = keras.activations.linear
    return foolbox.TensorFlowModel(lambda x: model(x, training=False), bounds=(0, 1))


models = [logits_of(file) for file in order["models"]]
tf.random.set_seed(order["seed"])
np.random.seed(order["seed"])


def accuracies(x):
    return [float(np.mean(np.argmax(model(x).numpy(), -1) == labels.numpy())) for model in models]


found = [{"attack": None, "epsilon": 0, "made_on": None, "accuracies": accuracies(images)}]
for epsilon in order["epsilons"]:
    attacks = {
        "fgsm": foolbox.attacks.LinfFastGradientAttack(),
        "pgd": foolbox.attacks.LinfPGD(abs_stepsize=2.5 * epsilon / order["steps"], steps=order["steps"], random_start=True),
    }
    for name, attack in attacks.items():
        for place, model in enumerate(models):
            _, moved, _ = attack(model, images, labels, epsilons=epsilon)
            found.append({"attack": name, "epsilon": epsilon, "made_on": place, "accuracies": accuracies(moved)})
print(json.dumps(found))
