"""`lineside alerts`: hand alerts to their channels."""

import click


@click.command()
@click.option("--once", is_flag=True, help="Deliver what is due now, and end.")
@click.option("--retry-failed", is_flag=True, help="First make what was given up due again.")
def command(once: bool, retry_failed: bool) -> None:
    """Hand the alerts of opened and resolved discrepancies to the webhook and the mail address."""
    import signal
    import threading

    from pydantic import ValidationError

    from db.engine import connect
    from db.heartbeat import Heartbeat, HeartbeatSettings
    from db.logs import configure_logs
    from db.queries import deliveries
    from db.settings import StorageSettings
    from services.alerting.loop import AlertLoop
    from services.alerting.policy import Policy
    from services.alerting.settings import AlertSettings

    configure_logs()
    try:
        settings = AlertSettings()
    except ValidationError as error:
        lines = [
            f"{'LINESIDE_' + str(e['loc'][0]).upper() + ': ' if e['loc'] else ''}{e['msg']}"
            for e in error.errors(include_input=False, include_context=False, include_url=False)
        ]
        raise click.ClickException("\n".join(lines)) from None

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = connect(StorageSettings().resolved_database_url)
    if retry_failed:
        with database.sessions.begin() as session:
            click.echo(f"{deliveries.retry_failed(session)} deliveries are due again.")
    loop = AlertLoop(
        database,
        settings.channels(),
        policy=Policy(
            attempts=settings.alert_attempts,
            first_wait_s=settings.alert_retry_s,
            lease_s=settings.alert_lease_s,
            in_flight=settings.alert_in_flight,
        ),
        public_url=settings.public_url,
        stop=stop,
        beat=Heartbeat(HeartbeatSettings().folder, "alerts"),
    )
    if once:
        click.echo(f"{loop.run_once()} deliveries were tried.")
    else:
        loop.run()
    database.dispose()
