"""A trained model behind an address: requests in, batches through the network, answers out."""
