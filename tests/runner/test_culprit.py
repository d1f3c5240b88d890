"""The process that ended a run of several processes, by the exit codes that a launcher saw."""

from __future__ import annotations

import pytest

from zoo.runner.culprit import culprit


@pytest.mark.parametrize(
    ("codes", "times", "found"),
    [
        ({1: -9, 0: 3}, {}, (1, "was killed by signal 9")),
        ({0: 3, 1: -9}, {}, (1, "was killed by signal 9")),
        ({0: 3, 1: -11}, {1: 5}, (1, "was killed by signal 11")),
        ({0: 3, 1: -9}, {1: 30}, (1, "hangs")),
        ({0: 1, 1: -9}, {1: 30}, (0, "ended with 1")),
        ({1: 1, 0: -15}, {}, (1, "ended with 1")),
        ({1: 1, 0: 3, 2: 130}, {}, (1, "ended with 1")),
        ({1: 2, 0: 2}, {}, (0, "ended with 2")),
        ({1: 130, 0: 130}, {}, (0, "ended with 130")),
        ({1: 130, 0: 3}, {}, (1, "ended with 130")),
        ({1: 3, 0: -15}, {}, (0, "was killed by signal 15")),
        ({0: 3}, {}, (0, "ended with 3")),
    ],
)
def test_the_culprit_is_the_process_that_no_other_one_has_ended(codes, times, found):
    assert culprit(codes, {**dict.fromkeys(codes, 0), **times}) == found
