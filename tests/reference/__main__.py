"""How far we are from the reference's figures: ``python -m tests.reference`` prints a table of every file."""

from tests.reference import checks
from tests.reference.golden import Golden, check_for, distance
from tests.reference.take import GOLDEN

print("| file | largest difference | tolerance |\n|---|---|---|")
for path in sorted(GOLDEN.rglob("*.*")):
    name = path.relative_to(GOLDEN).as_posix()
    if (check := check_for(name)) is not None:
        worst = max(distance(ours, theirs) for _, ours, theirs in check.compare(Golden(name)))
        print(f"| {name} | {worst:.0e} | {check.tolerance:.0e} |", flush=True)
assert checks.__all__
