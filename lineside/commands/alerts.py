"""`lineside alerts`: hand alerts to their channels."""

import click


@click.command()
@click.option("--once", is_flag=True, help="Deliver what is due now, and end.")
@click.option("--retry-failed", is_flag=True, help="First make what was given up due again.")
def command(once: bool, retry_failed: bool) -> None:
    """Hand alerts to their channels, when the rules say so (docs/alerts.md)."""
    import signal
    import threading

    from pydantic import ValidationError

    from db.credentials import SecretBox
    from db.engine import connect
    from db.heartbeat import Heartbeat, HeartbeatSettings
    from db.logs import configure_logs
    from db.queries import alert_channels, deliveries
    from db.settings import StorageSettings
    from services.alerting.loop import AlertLoop
    from services.alerting.made_channels import made_channel
    from services.alerting.peace import in_peace
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
    storage = StorageSettings()
    database = connect(storage.resolved_database_url)
    if retry_failed:
        with database.sessions.begin() as session:
            click.echo(f"{deliveries.retry_failed(session)} deliveries are due again.")

    def present() -> None:
        with database.sessions.begin() as session:
            alert_channels.present_environment(session, settings.shown_channels())

    # The pages show them, and rules may name them. Without the database the loop waits for it.
    in_peace(present, "present")
    networks, key_path = settings.allowed_networks, storage.data_dir / "secret.key"
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
        make=lambda row: made_channel(row, lambda: SecretBox(key_path), networks),
        beat=Heartbeat(HeartbeatSettings().folder, "alerts"),
    )
    if once:
        click.echo(f"{loop.run_once()} deliveries were tried.")
    else:
        loop.run()
    database.dispose()
