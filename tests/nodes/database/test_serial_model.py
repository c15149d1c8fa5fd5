"""Random transactions: in turn they do what a dictionary does, side by side what some order would have done."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from local_ranges import LocalRanges

from simkit.checks.isolation import judge_isolation, transactions_of
from simkit.observe.history import Operation
from simkit_nodes.database.errors import RetryableError

keys = st.sampled_from([b"a", b"g", b"h", b"o", b"p", b"z"])
steps = st.one_of(
    st.tuples(st.just("put"), keys, st.binary(max_size=2)),
    st.tuples(st.just("delete"), keys, st.none()),
    st.tuples(st.just("get"), keys, st.none()),
    st.tuples(st.just("scan"), keys, keys),
)
programs = st.lists(st.tuples(st.lists(steps, max_size=6), st.booleans()), max_size=8)


async def carry_out(transaction, program):
    """The steps of one transaction, and what each returned."""
    told = []
    for kind, key, value in program:
        if kind == "put":
            await transaction.put(key, value)
        elif kind == "delete":
            await transaction.delete(key)
        elif kind == "get":
            told.append(await transaction.get(key))
        else:
            told.append(await transaction.scan(min(key, value), max(key, value), limit=3))
    return told


def expected(model, program):
    """The same with a dictionary."""
    told = []
    for kind, key, value in program:
        if kind == "put":
            model[key] = value
        elif kind == "delete":
            model.pop(key, None)
        elif kind == "get":
            told.append(model.get(key))
        else:
            low, high = sorted((key, value))
            told.append(sorted((k, v) for k, v in model.items() if low <= k < high)[:3])
    return told


@settings(max_examples=25, deadline=None)
@given(programs, st.integers(0, 99))
def test_one_after_the_other_they_do_what_a_dictionary_does(given_programs, seed):
    ranges = LocalRanges(seed, borders=(b"h", b"p"))
    database = ranges.gateway(heartbeats=False)

    async def story():
        model = {}
        for program, commits in given_programs:
            attempt = dict(model)
            transaction = database.begin()
            assert await carry_out(transaction, program) == expected(attempt, program)
            if commits:
                await transaction.commit()
                model = attempt
            else:
                await transaction.rollback()
        reader = database.begin()
        assert dict(await reader.scan(b"a", b"zz")) == model

    ranges.run(story())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 200), st.booleans())
def test_side_by_side_they_do_what_some_order_would_have_done(seed, behind_ms, parallel):
    ranges = LocalRanges(seed, borders=(b"h", b"p"), offsets_ns={"gateway-1": -behind_ms * 1_000_000})
    gateways = [ranges.gateway(f"gateway-{number}", parallel_commits=parallel) for number in range(3)]
    stream = ranges.world.stream("programs")
    operations, elements = [], iter(range(10_000))

    async def client(number):
        for _ in range(12):
            asked = [
                ["append", key, next(elements)] if stream.chance(0.5) else ["read", key, None]
                for key in (stream.choice("agop") for _ in range(1 + stream.below(3)))
            ]
            began = ranges.world.now_ns

            async def steps(transaction, asked=asked):
                told = []
                for kind, key, element in asked:
                    held = await transaction.get(key.encode())
                    if kind == "append":
                        await transaction.put(key.encode(), (held or b"") + b" %d" % element)
                        told.append([kind, key, element])
                    else:
                        told.append([kind, key, [int(each) for each in (held or b"").split()]])
                return told

            try:
                told, outcome = await gateways[number].run(steps), "ok"
            except RetryableError:
                told, outcome = None, "fail"
            ended = ranges.world.now_ns
            operations.append(
                Operation.past(f"c{number}", "transaction", asked, told, began=began, ended=ended, outcome=outcome)
            )
            await asyncio.sleep(0.002)

    ranges.run(*map(client, range(3)))
    operations.sort(key=lambda operation: operation.began)
    judgement = judge_isolation(transactions_of(operations), "serializable")
    assert judgement.verdict == "pass", judgement.forbidden
    assert sum(operation.outcome == "ok" for operation in operations) > 20
