"""PyTorch and scikit-learn, in the language of ../host.ts: a question a line of JSON in, an answer a line out.

    python.py torch <threads> | python.py sklearn

float64, the same nets, batches, losses and orders; timed and warmed up like the others.
"""

import json
import sys
import time

import numpy as np

WARM_READINGS = 20
WARM_SECONDS = 4


def fill(rows, columns, scale=1.0):
    return scale * np.sin(np.arange(rows * columns, dtype=np.float64)).reshape(rows, columns)


def labels(work):
    return np.arange(work["samples"]) % work["dims"][-1]


def torch_contestant(threads):
    import torch

    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float64)

    def matmul(work):
        m, k, n = work["m"], work["k"], work["n"]
        a = torch.from_numpy(fill(k, m)).t() if work.get("transposeA") else torch.from_numpy(fill(m, k))
        b = torch.from_numpy(fill(n, k)).t() if work.get("transposeB") else torch.from_numpy(fill(k, n))
        out = torch.empty(m, n)
        return lambda: torch.mm(a, b, out=out)

    def training(work):
        dims, batch, samples = work["dims"], work["batchSize"], work["samples"]
        layers = []
        for fan_in, units in zip(dims, dims[1:]):
            layers += [torch.nn.Linear(fan_in, units), torch.nn.ReLU()]
        network = torch.nn.Sequential(*layers[:-1])
        optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
        optimizer = optimizers[work["optimizer"]](network.parameters(), lr=0.01)
        loss = torch.nn.CrossEntropyLoss()
        inputs, targets = torch.from_numpy(fill(samples, dims[0])), torch.from_numpy(labels(work))

        def epoch():
            for rows in torch.randperm(samples).split(batch):
                optimizer.zero_grad(set_to_none=True)
                loss(network(inputs[rows]), targets[rows]).backward()
                optimizer.step()

        return epoch

    return torch.__version__, threads, {"matmul": matmul, "training": training}


def sklearn_contestant():
    import warnings

    import sklearn
    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore")

    def training(work):
        dims = work["dims"]
        network = MLPClassifier(
            hidden_layer_sizes=dims[1:-1],
            solver=work["optimizer"],
            batch_size=work["batchSize"],
            learning_rate_init=0.01,
            momentum=0,
            alpha=0,
        )
        inputs, targets = fill(work["samples"], dims[0]), labels(work)
        network.partial_fit(inputs, targets, classes=np.arange(dims[-1]))
        # one epoch, shuffled
        return lambda: network.partial_fit(inputs, targets)

    return sklearn.__version__, 1, {"training": training}


def read(once, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        once()
    return (time.perf_counter() - start) / repeats


def warm_up(once, seconds):
    repeats, best, idle = 1, float("inf"), 0.0
    end = time.perf_counter() + WARM_SECONDS
    while idle < WARM_READINGS * seconds and time.perf_counter() < end:
        reading = read(once, repeats)
        idle = 0.0 if reading < 0.98 * best else idle + reading * repeats
        best = min(best, reading)
        repeats = max(1, -int(-seconds // best))
    return repeats


def serve(version, threads, kinds):
    def say(answer):
        print(json.dumps(answer), flush=True)

    say({"version": version.split("+")[0], "bits": 64, "threads": threads, "native": True})
    works = {}
    for line in sys.stdin:
        question = json.loads(line)
        name = question["id"]
        if question["ask"] == "read":
            say({"seconds": read(*works[name])})
        elif question["ask"] == "release":
            del works[name]
            say({"able": True})
        elif question["work"]["kind"] in kinds:
            once = kinds[question["work"]["kind"]](question["work"])
            works[name] = (once, warm_up(once, question["seconds"]))
            say({"able": True})
        else:
            say({"able": False})


if sys.argv[1] == "torch":
    serve(*torch_contestant(int(sys.argv[2])))
else:
    serve(*sklearn_contestant())
