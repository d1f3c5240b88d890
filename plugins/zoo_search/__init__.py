"""Search: sweeps of a job's values, comparisons of architectures, and range tests of the learning rate."""
