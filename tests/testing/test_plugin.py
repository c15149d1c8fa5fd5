"""The mark as a user meets it: tests in a folder of their own, run by pytest in a process of its own.

Each file of tests is run once for everything that is said about it, since starting two interpreters takes seconds.
"""

import re

import pytest

WELL = """
import shop
from simkit_faults.network import Latency
from simkit_faults.process import Kill

made = []

@pytest.fixture
def seeds(world):
    yield
    with open("seeds", "a") as file:
        file.write(f"{world.seed} ")

@pytest.mark.simkit(hosts={"server": server}, seeds=3)
async def test_every_seed_in_virtual_time(world, seeds):
    assert await asked(3, pause=1000) == [1, 2, 3]
    assert 3000 < world.now < 3001

@pytest.mark.simkit(hosts={"server": {"program": server, "count": 2}}, seeds=1)
async def test_faults_hold_as_long_as_their_block(world):
    server = world.hosts["server-0"]
    with world.fault("kill: server-0"):
        assert not server.running
    assert server.running
    with world.fault(Kill(), "server"):
        assert not server.running
    with world.fault("latency: server-1 <-> test, add: 50ms"):
        before = world.now
        (await asyncio.open_connection("server-1", 80))[1].close()
        assert round(world.now - before, 3) == 0.101
    with world.fault("partition: [[server-0], [test]]"), pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection("server-0", 80), 1)

@pytest.fixture(scope="module")
def catalogue():
    made.append("catalogue")
    return {"tea": 3}

@pytest.fixture
def dear(monkeypatch):
    monkeypatch.setattr(shop, "PRICE", 5)

@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.xfail(strict=True))])
@pytest.mark.simkit(seeds=4)
async def test_fixtures_and_parameters(catalogue, dear, count, tmp_path, request):
    assert len(made) <= 2, "once for every test, not once for every seed"
    assert (shop.PRICE, catalogue["tea"]) == (5, 3)
    assert request.config.getoption("depth") == 7
    assert count < 3

@pytest.mark.simkit(seeds=4)
async def test_skips():
    pytest.skip("not today")

@pytest.mark.xfail(strict=True)
@pytest.mark.simkit(seeds=3)
async def test_expected_to_fail_goes_on_until_a_seed_does(world):
    assert world.seed != 2

class TestInAClass:
    @pytest.mark.simkit(seeds=2)
    async def test_is_patched_no_more(self):
        assert shop.PRICE == 1

def test_that_is_not_marked():
    assert shop.PRICE == 1
"""

BADLY = """
import os

async def broken():
    await asyncio.sleep(2)
    raise LookupError("no such shelf")

@pytest.mark.simkit(hosts={"server": server, "broken": broken}, seeds=1)
async def test_program_raises():
    await asked(10, pause=1)

@pytest.mark.simkit(seeds=1, duration="10min")
async def test_waits():
    await asyncio.Event().wait()

@pytest.mark.simkit(hosts={"server": server}, seeds=1)
async def test_no_such_target(world):
    with world.fault("kill: sever"):
        pass

@pytest.mark.xfail(strict=True)
@pytest.mark.simkit(seeds=3)
async def test_no_seed_fails(world):
    pass

@pytest.mark.simkit
def test_plain():
    pass

def test_unmarked(world):
    pass

@pytest.mark.simkit(seed=50)
async def test_mark_word(): ...

@pytest.mark.simkit(seeds=0)
async def test_mark_seeds(): ...

@pytest.mark.simkit(hosts={"test": server})
async def test_mark_host(): ...

@pytest.mark.simkit(hosts={"server": 80})
async def test_mark_program(): ...

@pytest.mark.simkit(hosts={"server": server}, faults="kil: server, at: 1s")
async def test_mark_fault(): ...

@pytest.mark.simkit(hosts={"server": server}, faults=["kill: server, at: 1s"])
async def test_mark_target(): ...

@pytest.mark.simkit(seeds=1)
async def test_dies():
    from simkit.kernel.fence import outside

    with outside():
        os._exit(3)

@pytest.mark.simkit(seeds=1)
async def test_lives():
    pass

FAULTS = ["kill: server, at: 5min, for: 1s", "kill: server, at: 0s, for: 1s"]

@pytest.mark.simkit(hosts={"server": server}, seeds=2, faults=FAULTS)
async def test_ends_before_its_fault():
    await asyncio.sleep(1)
"""

KILLED = """
seen = []

KILL = "kill: server, every: uniform(1s, 60s), times: 1, for: 1s"

@pytest.mark.simkit(hosts={"server": server}, seeds=30, faults=KILL)
async def test_counts_on():
    print("asking")
    assert await asked(20, pause=1) == list(range(1, 21))

@pytest.mark.simkit(seeds=5)
async def test_forgets(world):
    seen.append(world.seed)
    assert len(seen) < 3
"""


@pytest.fixture(scope="module")
def well(new_project):
    own = new_project()
    own.write(shop="PRICE = 1\n", conftest="def pytest_addoption(parser): parser.addoption('--depth', type=int)\n")
    own.tests(WELL)
    return own, own.pytest("--depth=7")


@pytest.fixture(scope="module")
def badly(new_project):
    own = new_project()
    own.tests(BADLY)
    return own.pytest()


@pytest.fixture(scope="module")
def killed(new_project):
    own = new_project()
    own.tests(KILLED)
    return own, own.pytest()


def test_marked_tests_pass_skip_and_fail_as_any_other(well):
    own, ran = well
    assert ran.code == 0, ran.text
    assert "5 passed, 1 skipped, 2 xfailed" in ran.text
    assert (own.folder / "seeds").read_text() == "1 2 3 "
    assert not (own.folder / "runs").exists()


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("program_raises", "LookupError: no such shelf"),
        ("program_raises", "(on host 'broken', after 2.000 s of virtual time)"),
        ("waits", r"did not end within 600 s of virtual time; it waits at test_it.py:\d+ in test_waits > locks.py"),
        ("no_such_target", "unknown target `sever`; nearest: `server`"),
        ("no_seed_fails", r"\[XPASS\(strict\)\]"),
        ("plain", "write `async def`"),
        ("mark_word", "knows no `seed`; nearest: `seeds`"),
        ("mark_seeds", "seeds=0: a number of seeds from 1, or a list of seeds"),
        ("mark_host", "`test` is the host on which the test itself runs"),
        ("mark_program", "`server` needs a program"),
        ("mark_fault", "unknown fault `kil` in `faults.fault`; nearest: `kill`"),
        ("mark_target", r"`faults.kill` lasts, so it needs `for: 30s`"),
        ("dies", "the worker ended with exit code 3"),
    ],
)
def test_a_failure_says_what_was_wrong(badly, test, told):
    assert re.search(told if "\\" in told else re.escape(told), badly.failure(f"test_{test}"))


def test_each_of_them_is_one_failure(badly):
    assert "12 failed, 2 passed, 1 warning, 1 error" in badly.text
    assert "belongs to tests marked @pytest.mark.simkit" in badly.text


def test_a_fault_that_never_struck_is_told(badly):
    assert "the fault `kill server for 1 s` struck nobody with any of 2 seeds: the test may have ended" in badly.text


@pytest.mark.parametrize("test", ["mark_word", "mark_fault", "plain", "dies"])
def test_what_never_ran_is_not_replayed(badly, test):
    assert "again  " not in badly.failure(f"test_{test}")


def test_a_failure_tells_what_happened_and_leaves_a_report(killed):
    own, ran = killed
    told = ran.failure("test_counts_on")
    assert "ConnectionResetError: [Errno 104]" in told
    assert "where 3 = len([1, 2, 3])" in ran.failure("test_forgets"), "pytest's own account of the assertion"
    assert "FAULT kill server for 1 s" in ran.virtual("test_counts_on")
    assert "test: asking" in ran.virtual("test_counts_on")
    [page] = own.folder.glob("runs/test_counts_on-*/report.html")
    assert "kill" in page.read_text()


def test_its_command_replays_it(killed):
    own, ran = killed
    again = own.run(*ran.command("test_counts_on"))
    assert again.code == 1
    assert again.virtual("test_counts_on") == ran.virtual("test_counts_on")
    assert again.command("test_counts_on") == ran.command("test_counts_on")


def test_state_that_survives_a_run_is_told_and_replayed_with_the_runs_that_left_it(killed):
    own, ran = killed
    told = ran.failure("test_forgets")
    assert "seed 3 passes when it is run alone in a fresh interpreter, so the code keeps state" in told
    assert ran.command("test_forgets")[-1] == "--simkit-seed=1-3"
    assert own.run(*ran.command("test_forgets")).code == 1


def test_the_command_works_from_another_folder_with_another_configuration_beside_xdist(own):
    own.tests(KILLED)
    own.write(conftest="def pytest_addoption(parser): parser.addini('depth', 'nothing')")
    (own.folder / "other.ini").write_text("[pytest]\ndepth = 3\n")
    below = type(own)(own.folder / "below")
    below.folder.mkdir()
    ran = below.run("pytest", "-c", "../other.ini", "--strict-config", "-n", "1", "../test_it.py::test_counts_on")
    assert ran.code == 1
    assert ran.command("test_counts_on")[:3] == ["pytest", "-c", "../other.ini"]
    again = below.run(*ran.command("test_counts_on"))
    assert again.virtual("test_counts_on") == ran.virtual("test_counts_on")
