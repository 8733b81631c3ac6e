"""deploy/kubernetes: of Kubernetes' schemas, of the restricted pod security standard, and ours."""

import re

import kubernetes_validate
import pytest
import yaml

from tests.unit.deploy.files import DEPLOY, check_command, images, known_variables, manifests

ALL = manifests()
OF_KUBERNETES = [pytest.param(one, id=name) for name, one in ALL if "keda" not in one["apiVersion"]]
WITH_PODS = [
    pytest.param(one, id=name)
    for name, one in ALL
    if one["kind"] in ("Deployment", "StatefulSet", "Job")
]
SECRETS = {"database-url", "keda-database-url", "redis-password", "api-token"}


def find(kind: str, name: str) -> dict:
    (found,) = [one for _, one in ALL if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


@pytest.mark.parametrize("manifest", OF_KUBERNETES)
def test_it_is_of_the_schema(manifest):
    kubernetes_validate.validate(manifest, "1.31", strict=True)


def test_the_schema_can_say_no():
    wrong = find("Deployment", "api")
    wrong = wrong | {"spec": wrong["spec"] | {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.31", strict=True)


@pytest.mark.parametrize("manifest", WITH_PODS)
def test_its_pods_keep_to_the_restricted_standard(manifest):
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    pod = manifest["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        assert key not in pod
    assert all("hostPath" not in volume for volume in pod["volumes"])
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        volumes |= {
            claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])
        }
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


@pytest.mark.parametrize("manifest", WITH_PODS)
def test_it_starts_and_asks_what_lineside_has(manifest):
    for container in manifest["spec"]["template"]["spec"]["containers"]:
        if not container["image"].startswith("lineside-"):
            continue
        assert container["image"].removeprefix("lineside-") in images()
        check_command(container["command"])
        probes = [container[key] for key in container if key.endswith("Probe")]
        if manifest["kind"] == "Deployment":
            assert probes
        for probe in probes:
            if "exec" in probe:
                check_command(probe["exec"]["command"])
            else:
                ports = {port["name"] for port in container["ports"]}
                assert probe["httpGet"]["port"] in ports


@pytest.mark.parametrize("manifest", WITH_PODS)
def test_its_settings_are_known_and_its_secrets_are_references(manifest):
    for container in manifest["spec"]["template"]["spec"]["containers"]:
        for variable in container.get("env", []):
            name = variable["name"]
            assert name in known_variables() | {"REDIS_PASSWORD"}, name
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["name"] == "lineside-secrets"
                assert reference["key"] in SECRETS
            else:
                assert not re.search(r":[^/$@]+@", variable["value"])
    for name in find("ConfigMap", "lineside")["data"]:
        assert name in known_variables(), name


def test_no_secret_is_in_the_files():
    assert not any(one["kind"] == "Secret" for _, one in ALL)


def test_services_lead_to_pods():
    for name, one in ALL:
        if one["kind"] != "Service":
            continue
        labels = one["spec"]["selector"]
        pods = [
            other["spec"]["template"]
            for _, other in ALL
            if other["kind"] in ("Deployment", "StatefulSet")
            and other["spec"]["template"]["metadata"]["labels"].items() >= labels.items()
        ]
        assert len(pods) == 1, name


def test_workers_are_scaled_by_what_waits():
    scaled = find("ScaledObject", "worker")
    target = find("Deployment", scaled["spec"]["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"], "applying the files would undo the scaling"
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "postgresql"
    authentication = find("TriggerAuthentication", trigger["authenticationRef"]["name"])
    (reference,) = authentication["spec"]["secretTargetRef"]
    assert reference["parameter"] == "connection"
    assert reference["key"] in SECRETS


def test_the_kustomization_names_every_file():
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    named = {DEPLOY / path for path in kustomization["resources"]}
    assert named == set((DEPLOY / "kubernetes").glob("*.yaml"))
    (generated,) = kustomization["configMapGenerator"]
    assert all((DEPLOY / path).is_file() for path in generated["files"])
    assert generated["name"] == "lineside-redis"


def test_images_of_others_are_the_same_as_in_compose():
    from tests.unit.deploy.files import compose

    ours = find("StatefulSet", "redis")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert ours == compose()["services"]["redis"]["image"]
