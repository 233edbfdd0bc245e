"""Real processes that begin an act at the same moment."""

from collections.abc import Callable, Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.forked import CONTEXT


def at_once(act: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call the act in a process for each tuple of arguments, all at once; results, or errors, in that order."""
    barrier, results = CONTEXT.Barrier(len(arguments)), CONTEXT.Queue()
    processes = [
        CONTEXT.Process(target=_run, args=(act, number, given, barrier, results))
        for number, given in enumerate(arguments)
    ]
    for process in processes:
        process.start()
    answers = dict(results.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    return [answers[number] for number in range(len(arguments))]


def _run(act: Callable[..., Any], number: int, given: tuple[Any, ...], barrier: Barrier, results: "Queue[Any]") -> None:
    barrier.wait(timeout=120)
    try:
        results.put((number, act(*given)))
    except Exception as error:
        results.put((number, error))
