"""What may be asked for is what the catalogue of networks has."""

from inspection.training_request import NETWORKS
from workers.networks.catalogue import NETWORKS as CATALOGUE


def test_the_networks_are_those_of_the_catalogue() -> None:
    defaults = {
        name: network.encoders[0] if network.encoders else "" for name, network in CATALOGUE.items()
    }
    assert defaults == NETWORKS
