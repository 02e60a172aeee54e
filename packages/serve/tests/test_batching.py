"""Batches: what is gathered, what is kept apart, what happens to those who leave, wait too long or break the model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from flambeau_serve import Batcher, ServeError

Arrays = dict[str, np.ndarray]


class Doubler:
    """A model that doubles, and notes its batches. While `gate` is closed it does not answer; 13 breaks it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, inputs: Arrays) -> Arrays:
        self.batches.append(inputs["x"][:, 0].tolist())
        assert self.gate.wait(5)
        if 13 in inputs["x"]:
            raise ArithmeticError("thirteen")
        return {"y": inputs["x"] * 2}

    async def holds(self, count: int) -> None:
        while len(self.batches) < count:
            await asyncio.sleep(0.001)


def rows(*values: int, width: int = 1) -> Arrays:
    return {"x": np.repeat(np.array(values)[:, None], width, axis=1)}


def within(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


async def later(batcher: Batcher, *values: int, width: int = 1) -> asyncio.Task[Arrays]:
    task = asyncio.create_task(batcher.infer(rows(*values, width=width)))
    await asyncio.sleep(0)
    return task


def test_requests_at_once_share_a_batch() -> None:
    async def test() -> None:
        async with Batcher(model, max_batch_size=8, max_delay=0.05) as batcher:
            answers = await asyncio.gather(*(batcher.infer(rows(n)) for n in range(8)))
        assert [answer["y"].tolist() for answer in answers] == [[[2 * n]] for n in range(8)]
        assert (batcher.statistics.rows, dict(batcher.statistics.batches)) == (8, {8: 1})
        assert batcher.statistics.seconds[8] > 0

    model = Doubler()
    within(test)
    assert model.batches == [list(range(8))]


def test_a_lone_request_waits_no_longer_than_the_delay() -> None:
    async def test() -> None:
        async with Batcher(Doubler(), max_delay=0.02) as batcher:
            start = asyncio.get_running_loop().time()
            await batcher.infer(rows(1))
            assert 0.015 < asyncio.get_running_loop().time() - start < 1

    within(test)


def test_a_late_request_joins_within_the_delay() -> None:
    async def test() -> None:
        async with Batcher(model, max_batch_size=2, max_delay=5) as batcher:
            first = await later(batcher, 1)
            await asyncio.sleep(0.01)
            await batcher.infer(rows(2))
            await first

    model = Doubler()
    within(test)
    assert model.batches == [[1, 2]]


def test_batches_keep_to_their_size_and_order() -> None:
    async def test() -> None:
        async with Batcher(model, max_batch_size=4, max_delay=0) as batcher:
            tasks = [await later(batcher, 0)]
            model.gate.clear()
            await model.holds(1)
            for values in ((1, 2), (3,), (4, 5), (6,), (7,)):
                tasks.append(await later(batcher, *values))
            model.gate.set()
            await asyncio.gather(*tasks)

    model = Doubler()
    model.gate.clear()
    within(test)
    assert model.batches == [[0], [1, 2, 3], [4, 5, 6, 7]]  # 6 does not overtake (4, 5)


def test_other_shapes_run_apart_and_in_their_turn() -> None:
    async def test() -> None:
        async with Batcher(model, max_batch_size=8, max_delay=0) as batcher:
            tasks = [await later(batcher, 0)]
            await model.holds(1)
            for value in range(1, 7):
                tasks.append(await later(batcher, value, width=1 + value % 2))
            model.gate.set()
            answers = await asyncio.gather(*tasks)
        assert [answer["y"].tolist() for answer in answers] == [[[0]], [[2, 2]], [[4]], [[6, 6]], [[8]], [[10, 10]], [[12]]]

    model = Doubler()
    model.gate.clear()
    within(test)
    assert model.batches == [[0], [1, 3, 5], [2, 4, 6]]


def test_too_many_rows_for_a_batch() -> None:
    async def test() -> None:
        async with Batcher(Doubler(), max_batch_size=2) as batcher:
            with pytest.raises(ServeError, match="a batch of at most 2 rows, got 3: send several requests") as caught:
                await batcher.infer(rows(1, 2, 3))
            assert caught.value.status == 400

    within(test)


def test_who_leaves_is_not_computed() -> None:
    async def test() -> None:
        async with Batcher(model, max_delay=0) as batcher:
            first = await later(batcher, 0)
            await model.holds(1)
            second, third = await later(batcher, 1), await later(batcher, 2)
            second.cancel()
            await asyncio.sleep(0)
            model.gate.set()
            await asyncio.gather(first, third)
            assert second.cancelled()

    model = Doubler()
    model.gate.clear()
    within(test)
    assert model.batches == [[0], [2]]


def test_all_may_leave_while_they_wait() -> None:
    async def test() -> None:
        async with Batcher(model, max_delay=0.01) as batcher:
            for pause in (0, 0.002):
                task = await later(batcher, 1)
                await asyncio.sleep(pause)
                task.cancel()
                await asyncio.sleep(0.02)
            assert (await batcher.infer(rows(4)))["y"].tolist() == [[8]]

    model = Doubler()
    within(test)
    assert model.batches == [[4]]


def test_who_leaves_during_the_pass_disturbs_nobody() -> None:
    async def test() -> None:
        async with Batcher(model, max_batch_size=2, max_delay=5) as batcher:
            first, second = await later(batcher, 1), await later(batcher, 2)
            await model.holds(1)
            first.cancel()
            model.gate.set()
            assert (await second)["y"].tolist() == [[4]]

    model = Doubler()
    model.gate.clear()
    within(test)


def test_the_timeout() -> None:
    async def test() -> None:
        async with Batcher(model, max_delay=0, timeout=0.02) as batcher:
            with pytest.raises(ServeError, match="no answer within 0.02 seconds: the server is overloaded, or the model is slow") as caught:
                await batcher.infer(rows(1))
            assert caught.value.status == 503
            model.gate.set()

    model = Doubler()
    model.gate.clear()
    within(test)


def test_places_are_bounded() -> None:
    async def test() -> None:
        async with Batcher(Doubler(), max_waiting=2) as batcher:
            with batcher.place(), batcher.place():
                with pytest.raises(ServeError, match="all 2 places are taken, try again later") as caught, batcher.place():
                    pass
                assert caught.value.status == 503
            with batcher.place():
                pass

    within(test)


def test_a_request_that_breaks_the_model_breaks_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with Batcher(model, max_batch_size=3, max_delay=5) as batcher:
            answers = await asyncio.gather(*(batcher.infer(rows(n)) for n in (1, 13, 2)), return_exceptions=True)
            assert [answer["y"].tolist() for answer in (answers[0], answers[2])] == [[[2]], [[4]]]  # type: ignore[index]
            assert isinstance(answers[1], ServeError)
            assert (answers[1].status, str(answers[1])) == (500, "the model failed: ArithmeticError: thirteen")
            assert batcher.ready

    model = Doubler()
    within(test)
    assert model.batches == [[1, 13, 2], [1], [13], [2]]
    assert "the model failed on a request of 1 rows" in caplog.text


@pytest.mark.parametrize("wrong", [lambda x: x[:1], lambda x: x.sum()])
def test_an_output_without_the_batch_is_the_model_s_fault(wrong: Callable[[np.ndarray], np.ndarray]) -> None:
    async def test() -> None:
        async with Batcher(lambda inputs: {"y": np.asarray(wrong(inputs["x"]))}, max_delay=0) as batcher:
            with pytest.raises(ServeError, match="expected output 'y' to have the batch's 2 rows first, got shape") as caught:
                await batcher.infer(rows(1, 2))
            assert caught.value.status == 500

    within(test)


def test_stopping_answers_all() -> None:
    async def test() -> None:
        async with Batcher(model, max_delay=0) as batcher:
            running = await later(batcher, 0)
            await model.holds(1)
            waiting = await later(batcher, 1)
            asyncio.get_running_loop().call_later(0.02, model.gate.set)
        for task in (running, waiting):
            with pytest.raises(ServeError, match="the server is stopping") as caught:
                await task
            assert caught.value.status == 503
        assert not batcher.ready
        for use in (batcher.infer(rows(1)), _enter(batcher)):
            with pytest.raises(ServeError, match="not running, or is stopping"):
                await use

    async def _enter(batcher: Batcher) -> None:
        with batcher.place():
            pass

    model = Doubler()
    model.gate.clear()
    within(test)


@pytest.mark.parametrize("options", [{"max_batch_size": 0}, {"max_delay": -1}, {"max_waiting": 0}, {"timeout": 0}])
def test_options_that_mean_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"expected {next(iter(options))} "):
        Batcher(Doubler(), **options)
