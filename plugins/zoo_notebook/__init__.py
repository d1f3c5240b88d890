"""The zoo from Python and in notebooks: live runs, results as reports, comparisons."""
