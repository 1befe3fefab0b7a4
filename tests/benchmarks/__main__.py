"""Print the table of ratios. Wanted: at least the bound, for start-up and responsiveness at most it."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tests.benchmarks import responsiveness, sampling_speed, startup_time, train_speed


def table_rows() -> Iterator[tuple[str, str, str]]:
    at_most = ((startup_time, "<="), (responsiveness, "<="))
    for module, sign in (*at_most, (sampling_speed, ">="), (train_speed, ">=")):
        for what, ratio, wanted in module.rows():
            yield what, f"{ratio:.2f}", f"{sign} {wanted:g}" if wanted else ""


if __name__ == "__main__":
    table = Table("measured", "ratio", "wanted")
    for row in table_rows():
        table.add_row(*row)
        print(*row, flush=True)
    Console().print(table)
