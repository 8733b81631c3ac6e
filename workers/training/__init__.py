"""Training of the networks: data, network, loop, export. Needs the extra `train`."""
