"""docker-compose.yml: of the Compose schema, starting what there is, and shut to the outside."""

import json
import re
import shutil
import stat
import subprocess
from importlib.resources import files as resource_files

import jsonschema
import pytest

from lineside.commands.health import _own_port
from tests.unit.deploy.files import (
    DEPLOY,
    ROOT,
    check_command,
    compose,
    dockerfile,
    json_instruction,
    known_variables,
)

COMPOSE = compose()
SERVICES = COMPOSE["services"]
# The front is an image of another program, put together here.
OURS = sorted(name for name, one in SERVICES.items() if "target" in one.get("build", {}))
VARIABLE = re.compile(r"\$\{(\w+)(:[-?])?([^}]*)\}")


def test_it_is_of_the_compose_schema():
    vendored = resource_files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendored / "compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema)


def test_the_schema_can_say_no():
    vendored = resource_files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendored / "compose-spec.json").read_text())
    wrong = COMPOSE | {"services": {"api": SERVICES["api"] | {"comand": ["lineside"]}}}
    with pytest.raises(jsonschema.ValidationError, match="comand"):
        jsonschema.validate(wrong, schema)


def test_it_has_the_services_of_the_design():
    assert set(SERVICES) == {
        *("postgres", "redis", "migrate", "ingest", "sweeper", "api", "dashboard"),
        *("front", "alerts", "worker", "worker-gpu", "trainer"),
    }
    profiles = {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one}
    assert profiles == {"worker-gpu": ["gpu"], "trainer": ["train"]}


@pytest.mark.parametrize("name", OURS)
def test_it_builds_a_target_that_there_is(name):
    build = SERVICES[name]["build"]
    assert (ROOT / build["dockerfile"]).is_file()
    assert build["target"] == name
    assert build["target"] in dockerfile()


@pytest.mark.parametrize("name", OURS)
def test_it_starts_what_lineside_has_and_what_the_image_starts(name):
    service = SERVICES[name]
    words = [*service.get("entrypoint", []), *service["command"]]
    check_command(words)
    stages = dockerfile()
    image = json_instruction(stages, name, "ENTRYPOINT") + json_instruction(stages, name, "CMD")
    assert words == image


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_its_health_is_checked(name):
    check = SERVICES[name]["healthcheck"]
    if name == "migrate":  # it ends
        assert check == {"disable": True}
        return
    kind, *words = check["test"]
    assert kind == "CMD"
    if name in OURS:
        check_command(words)
        assert words[1] == "health"
        assert words[2] == name.removesuffix("-gpu")
        command = SERVICES[name]["command"]
        if "--port" in command:
            # The check asks where the process listens by itself, and so it must.
            listens = command[command.index("--port") + 1]
            assert int(listens) == _own_port(name)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_it_has_no_rights_it_does_not_need(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service.get("user", "10001") not in ("root", "0")
    for key in ("pid", "ipc", "network_mode"):
        assert service.get(key) in (None, "none")
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    if name not in OURS:
        assert "user" in service, "an image of others runs as root unless it is told not to"


def test_only_the_front_is_published_on_this_host_alone_until_somebody_says_otherwise():
    assert {name: one["ports"] for name, one in SERVICES.items() if one.get("ports")} == {
        "front": ["${LINESIDE_BIND:-127.0.0.1}:${LINESIDE_PORT:-8443}:8443"]
    }
    assert "LINESIDE_BIND=127.0.0.1\n" in (ROOT / ".env.example").read_text()


def test_behind_the_front_is_what_believes_it():
    assert "--behind-tls" in SERVICES["dashboard"]["command"]
    assert "--allow-remote" not in SERVICES["dashboard"]["command"]


def test_the_servers_have_no_way_out():
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis", "worker", "worker-gpu", "trainer", "sweeper", "migrate"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_no_secret_has_a_default():
    text = (ROOT / "docker-compose.yml").read_text()
    found = {}
    for name, operator, value in VARIABLE.findall(text):
        if re.search("PASSWORD|SECRET|TOKEN|SMTP_URL|WEBHOOK_URL", name):
            found[name] = (operator, value)
            assert operator == ":?" or (operator, value) == (":-", ""), name
    assert found["POSTGRES_PASSWORD"][0] == found["REDIS_PASSWORD"][0] == ":?"
    # Nothing that looks like a password stands in a URL as such.
    assert re.findall(r"://[^/\s:@]+:(?!\$\{)[^@\s]+@", text) == []


@pytest.mark.parametrize("name", OURS)
def test_its_settings_are_ones_that_lineside_reads(name):
    for variable in SERVICES[name].get("environment", {}):
        assert variable in known_variables(), variable


def test_the_variables_are_all_in_the_example():
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / ".env.example").read_text()
    for name, _, _ in VARIABLE.findall(text):
        assert re.search(rf"^{name}=", example, re.MULTILINE), name


def test_who_waits_for_whom_is_there_and_can_be_healthy():
    for service in SERVICES.values():
        for other, condition in service.get("depends_on", {}).items():
            wanted = condition["condition"]
            assert other in SERVICES
            if wanted == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"]
            else:
                assert wanted == "service_completed_successfully"


def test_volumes_and_networks_that_are_used_are_declared():
    used = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert used == set(COMPOSE["volumes"])
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    }
    assert all((ROOT / path).is_dir() for path in mounted)


@pytest.mark.parametrize("name", OURS)
def test_volumes_are_mounted_on_folders_that_its_user_owns(name):
    (made,) = dockerfile()["runtime"].all("RUN")
    assert "--owner=10001" in made
    for volume in SERVICES[name].get("volumes", []):
        # A new volume takes the owner of the folder that it covers; without one it is root's.
        assert volume.split(":")[1] in made.split()


def test_make_env_writes_secrets_for_its_owner_alone_and_never_over_others(tmp_path):
    target = tmp_path / ".env"
    script = [str(DEPLOY / "make-env.sh"), str(target)]
    first = subprocess.run(script, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    values = dict(
        line.split("=", 1)
        for line in target.read_text().splitlines()
        if line and not line.startswith("#")
    )
    secrets = [values["POSTGRES_PASSWORD"], values["REDIS_PASSWORD"]]
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)
    assert len(set(secrets)) == 2
    assert not any(secret in first.stdout for secret in secrets)
    before = target.read_text()
    assert subprocess.run(script, capture_output=True).returncode == 1
    assert target.read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_the_example_holds_no_secret():
    for line in (ROOT / ".env.example").read_text().splitlines():
        name, _, value = line.partition("=")
        if re.search("PASSWORD|SECRET|SMTP_URL|WEBHOOK_URL", name) and not name.startswith("#"):
            assert value == ""


def test_the_env_file_is_not_committed():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=ROOT)
    assert ignored.returncode == 0
