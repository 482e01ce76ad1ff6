"""Times on the wire, in virtual time, against the shortest possible ones. Run by `benchmark.py --bus`.

The shortest times follow from characters of 11 bits, one request a meter, meters that answer after 11 bit
times, and 330 bit times + 50 ms of waiting for every request that nobody answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from random import Random

from mbus_construct import Client, SecondaryAddress, encode
from mbus_construct.bus.secondary_search import new_search
from mbus_construct.bus.timing import duration, first_answer, last_answer
from mbus_construct.simulator.bus import SimulatedBus
from mbus_construct.simulator.meters import SimulatedMeter
from mbus_construct.simulator.virtual_port import VirtualPort

METERS = 250
REPLY = 100  # octets
SHORT, SELECTION = 5, 17  # octets of a request, and of a selection
BAUDRATES = (2400, 9600)
SEEDS = range(1, 6)
BIT_TIMES_11 = 11.0


def telegram(primary_address: int, identification_number: str) -> bytes:
    """A telegram of 100 octets: a volume, and the manufacturer's data."""
    overhead = 6 + 3 + 12 + 6 + 1
    return encode(
        {
            "frame": {"a_field": primary_address},
            "meter": {
                "identification_number": identification_number,
                "manufacturer": "PAD",
                "version": 1,
                "device_type": 7,
            },
            "records": [
                {"quantity": "volume", "unit": "m³", "value": "12.565", "data_field": "32 bit integer"}
            ],
            "manufacturer_data": Random(identification_number).randbytes(REPLY - overhead).hex(),  # noqa: S311
        }
    )


def fleet(numbers: Sequence[str], baudrate: int, seed: int, delay: float | None = None) -> SimulatedBus:
    """A bus of meters with these identification numbers and primary addresses from 1 on.

    `delay` is the bit times after which they answer; None: different ones, from 11 to 51.
    """
    meters = [
        SimulatedMeter(address, [telegram(address, number)], delay=delay)
        for address, number in enumerate(numbers, 1)
    ]
    return SimulatedBus(meters, baudrate=baudrate, seed=seed)


def at_random(count: int, seed: int) -> list[str]:
    """Identification numbers without any order."""
    return [f"{number:08d}" for number in Random(seed).sample(range(10**8), count)]  # noqa: S311  repeatable


def virtual_seconds(bus: SimulatedBus, job: Callable[[Client], int]) -> tuple[float, int]:
    """How long a job takes on the wire, and how many meters it gave."""
    port = VirtualPort(bus)
    port.set_baudrate(bus.baudrate)
    with Client(port, baudrate=bus.baudrate) as client:
        count = job(client)
        return port.now(), count


def searched(client: Client) -> int:
    """Meters found by a search."""
    return sum(1 for _ in client.search())


def scanned(client: Client) -> int:
    """Meters found by a scan of 1 to 250."""
    return sum(1 for _ in client.scan(range(1, METERS + 1)))


def read(client: Client) -> int:
    """Meters read by primary address."""
    results = client.read_many(range(1, METERS + 1))
    return sum(hasattr(result, "records") for _, result in results)


def selected(known: Iterable[SecondaryAddress]) -> Callable[[Client], int]:
    """Meters of a known list that are selected and read."""

    def job(client: Client) -> int:
        state = new_search(known=known)
        state.probes = []
        return sum(1 for _ in client.search(state=state))

    return job


def addresses(numbers: Sequence[str]) -> list[SecondaryAddress]:
    """The secondary addresses of a fleet's meters."""
    return [SecondaryAddress(number, "PAD", 1, 7) for number in numbers]


def line(what: str, seconds: float, limit: float, note: str = "", most: float | None = None) -> bool:
    """One row of the table; gives whether the time is within `most` times the limit, where that is asked."""
    within = most is None or seconds <= most * limit
    verdict = "" if most is None else "  ok  " if within else " over "
    print(f"{what:58} {seconds:8.1f} s   {limit:8.1f} s   {seconds / limit:5.2f} {verdict:6} {note}")
    return within


def main() -> int:
    """Print the table; gives 1 where a time is over what is allowed, else 0."""
    good = True
    started = time.perf_counter()
    print(f"{'':58} {'on the wire':>10}   {'limit':>10}   ratio")
    for baudrate in BAUDRATES:
        silent = duration(SHORT, baudrate) + last_answer(baudrate)
        answered = duration(SHORT, baudrate) + first_answer(baudrate) + duration(REPLY, baudrate)
        empty = SimulatedBus([], baudrate=baudrate)
        seconds, _ = virtual_seconds(empty, scanned)
        good &= line(f"{baudrate}: scan of 250 addresses, nobody there", seconds, METERS * silent, most=1.10)

        numbers = at_random(METERS, 1)
        for name, delay in (("after 11 bit times", BIT_TIMES_11), ("after 11 to 51 bit times", None)):
            seconds, count = virtual_seconds(fleet(numbers, baudrate, 1, delay), read)
            what = f"{baudrate}: read 250 meters that answer {name}"
            good &= line(what, seconds, METERS * answered, f"{count} read", most=1.05)

        both = answered + duration(SELECTION, baudrate) + first_answer(baudrate) + duration(1, baudrate)
        job = selected(addresses(numbers))
        seconds, count = virtual_seconds(fleet(numbers, baudrate, 1), job)
        what = f"{baudrate}: select and read 250 known meters"
        good &= line(what, seconds, METERS * both, f"{count} read", most=1.047)  # 150 s at 2400
        good &= searches(baudrate)
    print(f"({time.perf_counter() - started:.0f} s of computing)")
    return 0 if good else 1


# Of the bus's own facts: one probe for each mask of a search by digits, 2400 and 9600 baud.
LIMITS = {
    (2400, 10): 15.0,
    (2400, 100): 157.0,
    (2400, 250): 410.0,
    (9600, 10): 5.0,
    (9600, 100): 50.0,
    (9600, 250): 131.0,
}


def searches(baudrate: int) -> bool:
    """Searches for numbers at random, the mean and the worst of several seeds, and for a batch in a row."""
    good = True
    for count in (10, 100, METERS):
        times: list[float] = []
        for seed in SEEDS:
            seconds, found = virtual_seconds(fleet(at_random(count, seed), baudrate, seed), searched)
            times.append(seconds)
            if found != count:
                good = False
                print(f"    seed {seed}: {found} of {count} meters found")
        mean = sum(times) / len(times)
        note = f"mean of {len(times)} seeds, {min(times):.1f} to {max(times):.1f} s"
        what = f"{baudrate}: search for {count} meters, numbers at random"
        good &= line(what, mean, LIMITS[baudrate, count], note, most=1.0 if count == METERS else None)
    seconds, _ = virtual_seconds(fleet(at_random(METERS, 1), baudrate, 1, BIT_TIMES_11), searched)
    line(f"{baudrate}: the same 250, all answering at the same instant", seconds, LIMITS[baudrate, METERS])
    bus = fleet([f"{number:08d}" for number in range(12345675, 12345685)], baudrate, 1)
    seconds, found = virtual_seconds(bus, searched)
    selections = sum(request.ci_field == 0x52 for request in bus.requests)
    what = f"{baudrate}: search for 10 meters in a row"
    line(what, seconds, LIMITS[baudrate, 10], f"{selections} selections")
    return good and found == 10 and selections <= 20
