"""M/M/1 in ciw: a queueing network of one node, given the same times by `Sequential`.

ciw has no processes: it is a machine for exactly this kind of model, and keeps a record of every customer.
"""

import ciw

from benchmarks.mm1 import Customers
from benchmarks.work import Outcome, Timed


def prepare(given: Customers) -> Timed:
    """Set the network up."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential(given.gaps_s)],
        service_distributions=[ciw.dists.Sequential(given.services_s)],
        number_of_servers=[1],
    )
    simulation = ciw.Simulation(network)

    def run() -> Outcome:
        simulation.simulate_until_max_customers(len(given.gaps_s), method="Finish")
        left = simulation.nodes[-1].all_individuals
        records = [record for individual in left for record in individual.data_records]
        order = [individual.id_number - 1 for individual in left]
        return Outcome(len(records), max(record.exit_date for record in records), order)

    return run
