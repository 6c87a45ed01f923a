"""Interleaving: sides take turns in short blocks, so that what else the machine does falls on all of them alike."""


def measure(sides, rounds, block_s, ask):
    """`sides`: name → Workers. `ask(workers, count)` runs `count` repeats on all ranks and returns rank 0's answer, with the mean
    "seconds" of one. The counts make blocks of about `block_s`. Each round goes through the sides in another order. Returns name →
    answers, one a round."""
    counts = {}
    for name, workers in sides.items():
        seconds = ask(workers, 2)["seconds"]
        seconds = ask(workers, max(2, min(50, int(0.1 / seconds))))["seconds"]
        counts[name] = max(2, int(block_s / seconds))
    results = {name: [] for name in sides}
    names = list(sides)
    for turn in range(rounds):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            results[name].append(ask(sides[name], counts[name]))
    return results


def each(results, what="seconds"):
    """name → this number of each round."""
    return {name: [answer[what] for answer in answers] for name, answers in results.items()}
