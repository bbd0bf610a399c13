"""Training on shuffled labels: a network that learns nothing, for the sanity check of maps."""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ..data.store import Store
from ..inference.modelfile import load_network
from ..inference.zoo import find_model
from ..nn.network import Network
from ..processes import Progress
from ..signals.leads import lead_order
from ..tasks import Task

EPOCHS, BATCH, LEARNING_RATE = 5, 128, 1e-3
MOST_RECORDS = 4000  # drawn from the folds to train on


def train_on_shuffled_labels(
    model: str | Path,
    store: Store,
    *,
    fold: int,
    backbone: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Network:
    """Train a model's network from new weights on other records' labels; return it.

    It sees up to 4,000 records of all folds but `fold`, five times, with Adam.
    """
    trained, card = load_network(find_model(model), backbone=backbone)
    rng = np.random.default_rng(seed)
    folds = sorted(set(store.records["fold"]) - {fold})
    task = Task.from_dict(card["task"]).adapt_to(store.vocabulary)
    labelled = store.require_labelled(task, folds=folds)
    chosen = rng.permutation(len(labelled.indices))[:MOST_RECORDS]
    targets = torch.from_numpy(labelled.targets[rng.permutation(chosen)])
    signals_mv = store.signals_mv(labelled.indices[chosen])
    rows = lead_order(store.leads, trained.config.leads)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(trained.config).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for epoch in range(EPOCHS):
        for batch in np.array_split(rng.permutation(len(chosen)), -(-len(chosen) // BATCH)):
            prepared = network.preprocess(torch.from_numpy(signals_mv[batch][:, rows]))
            logits, wanted = network.logits(prepared), targets[batch]
            known = ~wanted.isnan()
            loss = binary_cross_entropy_with_logits(logits[known], wanted[known])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        if progress:
            progress(epoch + 1, EPOCHS)
    return network.eval()
