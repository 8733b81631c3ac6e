"""`lineside doctor`: what is missing or wrong on this host."""

import os

import click


@click.command()
@click.option("--json", "as_json_", is_flag=True, help="For programs.")
def command(as_json_: bool) -> None:
    """Say in plain words what is missing or wrong on this host. Exits 1 if something is."""
    from lineside import doctor
    from lineside.doctor_findings import Patient

    try:
        from db.settings import StorageSettings
        from lineside.settings import WebSettings
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the package {error.name!r} is not installed. Run `make run`, or"
            " `pip install 'lineside[embedded]'`."
        ) from error
    storage, web = StorageSettings(), WebSettings()
    patient = Patient(
        data_dir=storage.data_dir.absolute(),
        database_url=storage.resolved_database_url,
        redis_url=os.environ.get("LINESIDE_REDIS_URL") or None,
        models_dir=storage.models_dir,
        host=web.host,
        port=web.port,
    )
    findings = doctor.examine(patient)
    click.echo(doctor.as_json(findings) if as_json_ else doctor.as_text(findings))
    if not doctor.is_fit(findings):
        raise SystemExit(1)
