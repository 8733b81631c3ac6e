"""What `lineside doctor` says: is this host fit for Lineside, and if not, what to do about it."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from lineside import doctor_host, doctor_plant
from lineside.doctor_findings import Check, Finding, Patient, Status


def examine(patient: Patient, checks: Sequence[Check] | None = None) -> list[Finding]:
    """Run every check. A check that itself breaks is a finding, not the end of the examination."""
    checks = checks if checks is not None else (*doctor_host.CHECKS, *doctor_plant.CHECKS)
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check(patient)
        except Exception as error:  # noqa: BLE001 - outermost loop: the report must be whole
            subject = check.__name__.replace("_", " ")
            text = f"could not be examined: {type(error).__name__}: {error}"
            findings.append(Finding(subject, Status.WARNING, text))
    return findings


def is_fit(findings: Sequence[Finding]) -> bool:
    return all(finding.status is not Status.MISSING for finding in findings)


_MARKS = {Status.OK: "ok", Status.NOTE: "-", Status.WARNING: "warn", Status.MISSING: "MISSING"}


def as_text(findings: Sequence[Finding]) -> str:
    width = max(len(finding.subject) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.status]:<7}  {finding.subject:<{width}}  {finding.text}")
        if finding.remedy:
            lines.append(f"{'':<7}  {'':<{width}}  → {finding.remedy}")
    missing = sum(finding.status is Status.MISSING for finding in findings)
    lines.append("")
    lines.append(
        "This host is fit for Lineside."
        if not missing
        else f"Lineside does not work here yet: {missing} missing, see above."
    )
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    return json.dumps(
        {"fit": is_fit(findings), "findings": [asdict(finding) for finding in findings]}, indent=2
    )
