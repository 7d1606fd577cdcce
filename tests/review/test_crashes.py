"""Whatever kills the program, what it confirmed is there afterwards, and no mask is half written.

A short form; ``make soak`` runs the long one: 100 kills.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from napari_uncertainseg.review.store.store import Store

from .conftest import fill

KILLS = 100 if os.environ.get("UNCERTAINSEG_SOAK") else 6

ANNOTATOR = """
import sys
import numpy as np
from napari_uncertainseg.review.store.store import Store

with Store(sys.argv[1]) as store:
    session = sys.argv[2]
    print("ready", flush=True)
    for i in range(100_000):
        tasks = store.tasks(session)
        task = tasks[i % len(tasks)]
        painted = np.zeros((40, 40, 40), np.int8)
        painted[i % 40, : 1 + i % 39] = 1
        mask = store.masks.keep(painted)
        entry = store.record(session, "verdict", task.id, {"decision": "edited", "mask": mask})
        print("confirmed", entry.number, mask, flush=True)
"""


def killed_after(path, session, count, seconds):
    """What an annotator confirmed until the kill: entry number and mask.

    The kill comes so many seconds after so many confirmations, so that a busy machine changes nothing.
    """
    with subprocess.Popen(
        [sys.executable, "-c", ANNOTATOR, str(path), session], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        lines = [process.stdout.readline() for _ in range(count)]
        time.sleep(seconds)
        process.kill()
        lines += process.stdout.read().splitlines()
    # The last line may have been cut by the kill; what it was to say need not have reached anybody.
    whole = [line.split() for line in lines if line.startswith("confirmed") and len(line.split()) == 3]
    return [(int(number), mask) for _, number, mask in whole if len(mask) == 64]


@pytest.mark.slow
def test_what_was_confirmed_outlasts_a_kill(store, path):
    session, chance = fill(store), random.Random(4)
    confirmed = {}
    for _ in range(KILLS):
        confirmed.update(killed_after(path, session, chance.randrange(9), chance.uniform(0, 0.1)))
        with Store(path) as after:
            assert after.verify() == {session: ""}
            kept = {entry.number: getattr(entry.details, "mask", None) for entry in after.entries(session)}
            assert confirmed.items() <= kept.items()
            assert list(kept) == list(range(1, len(kept) + 1))
            for name in {m for m in kept.values() if m}:
                assert after.masks.read(name).dtype == np.int8
    assert len(confirmed) > 2 * KILLS
    hidden = list((path.parent / "masks").rglob(".*"))
    assert len(hidden) <= KILLS  # at most the one that each kill cut short, under another name
