"""`lineside audit`: prove that every acquisition has its verdict."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(as_json: bool) -> None:
    """Print the ledger; exit 1 if it does not add up or an acquisition has two verdicts."""
    from db.engine import connect
    from db.queries.ledger import read_ledger
    from db.settings import StorageSettings

    database = connect(StorageSettings().resolved_database_url)
    try:
        with database.reads() as session:
            ledger = read_ledger(session)
    finally:
        database.dispose()
    if as_json:
        click.echo(json.dumps(ledger.as_dict(), indent=2))
    else:
        rows = {
            "acquired": ledger.acquired,
            "passed": ledger.passed,
            "warned": ledger.warned,
            "failed": ledger.failed,
            "not inspected": sum(ledger.not_inspected.values()),
            **{f"  {reason}": count for reason, count in ledger.not_inspected.items()},
            "in flight": ledger.in_flight,
        }
        for name, count in rows.items():
            click.echo(f"{name:<20}{count:>12}")
        click.echo("consistent" if ledger.consistent else "NOT consistent:")
        for problem in ledger.problems:
            click.echo(f"  {problem}")
    if not ledger.consistent:
        raise SystemExit(1)
