from zoo.plugin import Finding
from zoo_census.rows import census


def check():
    """Read the result of each run in ``runs``."""
    found = census()
    bad = [each["run"] for each in found if "problem" in each]
    if bad:
        yield Finding("warning", f"{len(bad)} runs can't be read: {', '.join(bad)}.", (("show", f"zoo runs show {bad[0]}"),))
    else:
        yield Finding("ok", f"{len(found)} runs can be read.")
