"""Which addresses are outside. The oracle is a list of what must never be reached by a webhook."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.addresses import AddressRefused, is_public, resolve

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",  # metadata services of clouds
    "100.64.0.1",  # carrier-grade NAT, also metadata of some clouds
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:c0a8:1::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_outside_is_public(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_mapped_into_ipv6_is_never_more_public_than_itself(address):
    mapped = f"::ffff:{address}"
    nat64 = f"64:ff9b::{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"
    for form in (mapped, nat64):
        assert not is_public(form) or is_public(str(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "::1"])
def test_every_spelling_of_this_host_is_refused(host):
    # Numeric forms are read by the resolver without asking anybody.
    with pytest.raises(AddressRefused) as caught:
        resolve(host, 443, allow_private=False)
    assert caught.value.address in ("127.0.0.1", "::1")
    assert "LINESIDE_WEBHOOK_ALLOW_PRIVATE" in str(caught.value)


def test_it_is_allowed_by_setting():
    assert resolve("127.0.0.1", 443, allow_private=True) == ["127.0.0.1"]
