"""Trains on images in memory: `idx_images` reads them, and `augment` prepares them for the network."""

import math

import torch
from torch import nn
from torch.nn import functional

from scalec.diagnostics.diagnostic import plural
from scalec.search.contract import Request
from scalec.search.trainer import augment
from scalec.search.trainer.common import Budget, Result, network
from scalec.search.trainer.idx_images import Images, Part

EPOCHS, IMAGES = 10, 4_000
BATCH, RATE, DECAY, SMOOTHING = 64, 0.01, 0.05, 0.1
EVALUATE = 500
"""Images at once, when nothing is trained."""


def regime(found: Images, budget: Budget) -> str:
    """Return a phrase: the data, the length and the method of training."""
    epochs, count = plural(budget.epochs, "epoch"), min(budget.images, found.train.count)
    return (
        f"{epochs} on {count:,} images of {found.name} drawn by the seed, batches of {BATCH}, AdamW, OneCycle "
        f"to {RATE:g}, decay {DECAY:g}, label smoothing {SMOOTHING:g}, shifts and flips"
    )


def train(request: Request, found: Images, budget: Budget) -> Result:
    """Train a network. The same request gives the same result on the same machine. Raises `LoadError`."""
    torch.manual_seed(request.seed)
    generator, device = torch.Generator().manual_seed(request.seed), torch.device(request.device)
    model = network(request, found.classes).to(device).train()
    chosen = found.train.take(torch.randperm(found.train.count, generator=generator)[: budget.images])
    starts = range(0, max(chosen.count - BATCH, 0) + 1, BATCH)  # a last batch of a few would upset normalisation
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=budget.epochs * len(starts))
    loss = math.nan
    for _ in range(budget.epochs):
        part = chosen.take(torch.randperm(chosen.count, generator=generator))
        x, y = augment.seen(augment.varied(part.images, generator), request.input).to(device), part.labels.to(device)
        total = torch.zeros((), device=device)
        for start in starts:
            step = slice(start, start + BATCH)
            total += _step(model, x[step], y[step], optimizer)
            schedule.step()
        loss = float(total) / len(starts)
        if not math.isfinite(loss):
            return Result(math.nan, math.nan)
    return Result(_accuracy(model, found.test if request.split == "test" else found.validation, request), loss)


def _step(model: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    """Learn from one batch; give its loss."""
    loss = functional.cross_entropy(model(x), y, label_smoothing=SMOOTHING)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def _accuracy(model: nn.Module, part: Part, request: Request) -> float:
    model.eval()
    right = 0
    for start in range(0, part.count, EVALUATE):
        few = part.take(slice(start, start + EVALUATE))
        scores = model(augment.seen(few.images, request.input).to(request.device)).cpu()
        right += int((scores.argmax(1) == few.labels).sum())
    return right / part.count
