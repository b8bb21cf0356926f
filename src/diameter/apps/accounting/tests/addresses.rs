//! The addresses of a session.

use std::net::IpAddr;

use super::*;
use crate::domain::{IpChange, IpChangeKind};

fn told(kind: i32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<IpChange> {
    event(&record(kind, write)).unwrap().addresses
}

fn addresses(write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<String> {
    let told = told(START, write);
    told.into_iter().map(|change| change.address.text()).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// "3GPP Rf: addresses in Service-Information → PS-Information → PDP-Address", "IPv4v6: two PDP-Address AVPs", "For IPv6 …
/// it is a /64 prefix"
#[test]
fn a_gateway_tells_addresses_in_ps_information() {
    let found = addresses(|request| {
        packet_switched(request, |ps| {
            ps.avp_address(&tgpp::PDP_ADDRESS, ip("192.0.2.7"))
                .avp_address(&tgpp::PDP_ADDRESS, ip("2001:db8:0:7::"));
        });
    });
    assert_eq!(found, ["192.0.2.7/32", "2001:db8:0:7::/64"]);
    let shorter = addresses(|request| {
        packet_switched(request, |ps| {
            ps.avp_address(&tgpp::PDP_ADDRESS, ip("2001:db8:0:ff00::1"))
                .avp_u32(&tgpp::PDP_ADDRESS_PREFIX_LENGTH, 56);
        });
    });
    assert_eq!(shorter, ["2001:db8:0:ff00::/56"]);
}

/// "Framed-IP-Address, Framed-IPv6-Prefix … directly at message level", "Delegated-IPv6-Prefix same layout as 97"
#[test]
fn an_access_server_tells_addresses_at_message_level() {
    let found = addresses(|request| {
        request
            .avp_octets(&base::FRAMED_IP_ADDRESS, &[192, 0, 2, 7])
            .avp_octets(
                &base::FRAMED_IPV6_PREFIX,
                &[0, 64, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 7],
            )
            .avp_octets(&base::DELEGATED_IPV6_PREFIX, &[0, 56, 0x20, 1, 0x0d, 0xb8, 0, 9]);
    });
    assert_eq!(found, ["192.0.2.7/32", "2001:db8:0:7::/64", "2001:db8:9::/56"]);
    let whole = addresses(|request| {
        let octets = ip("2001:db8::9");
        let IpAddr::V6(address) = octets else {
            unreachable!()
        };
        request.avp_octets(
            &crate::diameter::dict::radius::FRAMED_IPV6_ADDRESS,
            &address.octets(),
        );
    });
    assert_eq!(whole, ["2001:db8::9/128"]);
}

/// "0xFFFFFFFF = NAS may let user choose, 0xFFFFFFFE = NAS selects; neither is a usable address"
#[test]
fn what_no_device_can_have_is_passed_over() {
    for octets in [[255, 255, 255, 255], [255, 255, 255, 254], [0, 0, 0, 0]] {
        let found = addresses(|request| {
            request.avp_octets(&base::FRAMED_IP_ADDRESS, &octets);
        });
        assert_eq!(found, [""; 0], "{octets:?}");
    }
    let found = addresses(|request| {
        request
            .avp_octets(&base::FRAMED_IPV6_PREFIX, &[0, 64, 0xfe, 0x80])
            .avp_octets(&base::FRAMED_IPV6_PREFIX, &[0, 0]);
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn an_address_told_twice_is_one() {
    let found = addresses(|request| {
        request.avp_octets(&base::FRAMED_IP_ADDRESS, &[192, 0, 2, 7]);
        packet_switched(request, |ps| {
            ps.avp_address(&tgpp::PDP_ADDRESS, ip("192.0.2.7"));
        });
    });
    assert_eq!(found, ["192.0.2.7/32"]);
}

/// "START | binding-up (each address, APN)", "INTERIM … may add or drop an address", "STOP | binding-down"
#[test]
fn a_session_gets_addresses_and_lets_them_go() {
    let write = |request: &mut MessageBuilder<'_>| {
        request.avp_octets(&base::FRAMED_IP_ADDRESS, &[192, 0, 2, 7]);
    };
    let session = session_of(&record(START, |_| {}));
    for (kind, expected) in [
        (START, IpChangeKind::Started),
        (INTERIM, IpChangeKind::Started),
        (STOP, IpChangeKind::Ended),
    ] {
        let told = told(kind, write);
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0].session, told[0].kind), (&session, expected));
    }
    assert_eq!(event(&record(EVENT, write)), None);
}

#[test]
fn however_many_addresses_are_told_few_are_kept() {
    let found = addresses(|request| {
        for last in 0..200 {
            request.avp_octets(&base::FRAMED_IP_ADDRESS, &[192, 0, 2, last]);
        }
    });
    assert_eq!(found.len(), 16);
}

#[test]
fn an_address_that_cannot_be_is_refused() {
    let with = |def, octets: &[u8]| {
        record(START, |request| {
            request.avp_octets(def, octets);
        })
    };
    for (octets, expected) in [
        (with(&base::FRAMED_IP_ADDRESS, &[192, 0, 2]), (5004, Some(8))),
        (with(&base::FRAMED_IPV6_PREFIX, &[0]), (5004, Some(97))),
        (with(&base::FRAMED_IPV6_PREFIX, &[0; 19]), (5004, Some(97))),
        (with(&base::FRAMED_IPV6_PREFIX, &[0, 129, 1]), (5004, Some(97))),
        (with(&base::DELEGATED_IPV6_PREFIX, &[0, 200]), (5004, Some(123))),
        (
            with(&crate::diameter::dict::radius::FRAMED_IPV6_ADDRESS, &[0; 4]),
            (5004, Some(168)),
        ),
    ] {
        assert_eq!(refused(&octets), expected);
    }
    let in_ps = |write: fn(&mut MessageBuilder<'_>)| record(START, |request| packet_switched(request, write));
    assert_eq!(
        refused(&in_ps(|ps| {
            ps.avp_octets(&tgpp::PDP_ADDRESS, &[0, 8, 0x99]);
        })),
        (5004, Some(1227))
    );
    assert_eq!(
        refused(&in_ps(|ps| {
            ps.avp_octets(&tgpp::PDP_ADDRESS, &[0, 1, 192, 0, 2]);
        })),
        (5014, Some(1227))
    );
    for length in [0, 129] {
        let octets = record(START, |request| {
            packet_switched(request, |ps| {
                ps.avp_u32(&tgpp::PDP_ADDRESS_PREFIX_LENGTH, length);
            });
        });
        assert_eq!(refused(&octets), (5004, Some(2606)), "{length}");
    }
}
