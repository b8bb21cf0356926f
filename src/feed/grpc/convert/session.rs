//! IP sessions and gateways on the wire.

use std::net::Ipv4Addr;

use crate::domain::session::session_name;
use crate::domain::{
    Change, Ends, Event, Gateway, IpChange, IpChangeKind, Node, PortRange, RoutingDomain, SessionAddress,
    Slot,
};
use crate::feed::grpc::refusal::Refusal;
use crate::proto::v1;

/// The longest id of a session, in octets.
const MAX_SESSION_ID: usize = 255;

/// What an event says of a session: what it does to the registration, and to addresses.
pub(super) fn ip_session(event: v1::IpSessionEvent) -> Result<(Change, Vec<IpChange>), Refusal> {
    use v1::IpSessionChange as What;
    let v1::IpSessionEvent {
        change,
        session_id,
        gateway,
        ipv4_address,
        routing_domain,
        ipv6_prefixes,
        nat_mappings,
    } = event;
    let kind = match What::try_from(change).unwrap_or(What::Unspecified) {
        What::Started | What::Updated => IpChangeKind::Started,
        What::Ended => IpChangeKind::Ended,
        What::Unspecified => {
            return Err(Refusal::invalid(
                "event.ip_session.change: one of the named changes is required",
            ));
        }
    };
    let node = session(&session_id, &gateway)?;
    if usize::from(!ipv4_address.is_empty()) + ipv6_prefixes.len() + nat_mappings.len()
        > Event::MOST_ADDRESSES
    {
        return Err(Refusal::invalid(format!(
            "event.ip_session: has at most {} addresses",
            Event::MOST_ADDRESSES
        )));
    }
    let ipv4 = ipv4(&ipv4_address, &routing_domain)?.map(Ok);
    let addresses = ipv4
        .into_iter()
        .chain(ipv6_prefixes.iter().map(|prefix| ipv6(prefix)))
        .chain(nat_mappings.iter().map(nat));
    let changes = addresses.map(|address| {
        Ok(IpChange {
            address: address?,
            session: node.clone(),
            kind,
        })
    });
    let changes = changes.collect::<Result<_, Refusal>>()?;
    let slot = Slot::Session;
    let change = match kind {
        IpChangeKind::Started => Change::Registered {
            slot,
            node,
            ends: Ends::default(),
        },
        IpChangeKind::Ended => Change::Deregistered { slot, node },
    };
    Ok((change, changes))
}

/// The gateway that restarted.
pub(super) fn restarted_gateway(event: &v1::GatewayRestartEvent) -> Result<Gateway, Refusal> {
    let v1::GatewayRestartEvent { gateway } = event;
    gateway_of("event.gateway_restart.gateway", gateway)
}

/// The session's name, the same that accounting gives it if its gateway is the Origin-Host and its id the Session-Id.
fn session(id: &str, gateway: &str) -> Result<Node, Refusal> {
    if !(1..=MAX_SESSION_ID).contains(&id.len()) {
        return Err(Refusal::invalid(
            "event.ip_session.session_id: has 1 to 255 octets",
        ));
    }
    let gateway = match gateway {
        "" => None,
        gateway => Some(gateway_of("event.ip_session.gateway", gateway)?),
    };
    let host = gateway.as_ref().map_or("", Gateway::as_str);
    Ok(session_name(gateway.as_ref(), &[host.as_bytes(), id.as_bytes()]))
}

fn gateway_of(field: &str, text: &str) -> Result<Gateway, Refusal> {
    Gateway::parse(text).map_err(|error| Refusal::invalid(format!("{field}: {error}")))
}

fn ipv4(address: &str, domain: &str) -> Result<Option<SessionAddress>, Refusal> {
    if address.is_empty() {
        return match domain {
            "" => Ok(None),
            _ => Err(Refusal::invalid(
                "event.ip_session.routing_domain: only with ipv4_address",
            )),
        };
    }
    let domain = RoutingDomain::parse(domain)
        .map_err(|error| Refusal::invalid(format!("event.ip_session.routing_domain: {error}")))?;
    let address: Option<Ipv4Addr> = address.parse().ok();
    let usable = address.and_then(|address| SessionAddress::v4(domain, address));
    usable
        .map(Some)
        .ok_or_else(|| Refusal::invalid("event.ip_session.ipv4_address: no IPv4 address of a device"))
}

fn ipv6(prefix: &str) -> Result<SessionAddress, Refusal> {
    let read = || {
        let (address, length) = prefix.split_once('/')?;
        SessionAddress::v6(address.parse().ok()?, length.parse().ok()?)
    };
    read().ok_or_else(|| {
        Refusal::invalid(
            "event.ip_session.ipv6_prefixes: no IPv6 prefix of a device, such as 2001:db8:1:2::/64",
        )
    })
}

fn nat(mapping: &v1::NatMapping) -> Result<SessionAddress, Refusal> {
    let v1::NatMapping {
        public_address,
        first_port,
        last_port,
    } = mapping;
    let ports = || PortRange::new(u16::try_from(*first_port).ok()?, u16::try_from(*last_port).ok()?);
    let ports = ports().ok_or_else(|| {
        Refusal::invalid(
            "event.ip_session.nat_mappings: ports lie between 0 and 65535, the first not above the last",
        )
    })?;
    let address = public_address.parse().ok();
    let usable = address.and_then(|address| SessionAddress::nat(address, ports));
    usable.ok_or_else(|| {
        Refusal::invalid("event.ip_session.nat_mappings.public_address: no IPv4 address of a device")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> v1::IpSessionEvent {
        v1::IpSessionEvent {
            change: v1::IpSessionChange::Started.into(),
            session_id: "pgw1;1;7".into(),
            gateway: "PGW1.core.example".into(),
            ipv4_address: "100.64.0.1".into(),
            routing_domain: "north".into(),
            ipv6_prefixes: vec!["2001:db8:1:2::/64".into()],
            nat_mappings: vec![v1::NatMapping {
                public_address: "192.0.2.1".into(),
                first_port: 1024,
                last_port: 2047,
            }],
        }
    }

    #[test]
    fn a_session_that_starts_holds_every_address_and_lets_all_go_when_it_ends() {
        let (up, addresses) = ip_session(fine()).unwrap();
        let Change::Registered {
            slot: Slot::Session,
            node,
            ..
        } = up
        else {
            unreachable!("it registers")
        };
        let told: Vec<_> = addresses.iter().map(|change| change.address.text()).collect();
        assert_eq!(
            told,
            ["100.64.0.1/32@north", "2001:db8:1:2::/64", "192.0.2.1:1024-2047"]
        );
        assert!(
            addresses
                .iter()
                .all(|change| change.session == node && change.kind == IpChangeKind::Started)
        );
        let update = v1::IpSessionEvent {
            change: v1::IpSessionChange::Updated.into(),
            gateway: "pgw1.core.example".into(),
            ..fine()
        };
        assert_eq!(ip_session(update).unwrap().1, addresses);
        let end = v1::IpSessionEvent {
            change: v1::IpSessionChange::Ended.into(),
            ..fine()
        };
        let (down, gone) = ip_session(end).unwrap();
        assert_eq!(
            down,
            Change::Deregistered {
                slot: Slot::Session,
                node
            }
        );
        assert!(gone.iter().all(|change| change.kind == IpChangeKind::Ended));
    }

    #[test]
    fn sessions_of_two_gateways_or_of_none_are_not_the_same() {
        let names = ["pgw1", "pgw2", ""].map(|gateway| session("7", gateway).unwrap());
        assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
        assert_ne!(session("7", "pgw1"), session("8", "pgw1"));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field_and_without_its_value() {
        let with = |change: &dyn Fn(&mut v1::IpSessionEvent)| {
            let mut event = fine();
            change(&mut event);
            event
        };
        let prefixes = |text: &str| with(&|e| e.ipv6_prefixes = vec![text.into()]);
        let ports = |first, last| {
            with(&|e| {
                e.nat_mappings[0].first_port = first;
                e.nat_mappings[0].last_port = last;
            })
        };
        let long = "6".repeat(300);
        let table = [
            (with(&|e| e.change = 0), "change:"),
            (with(&|e| e.change = 99), "change:"),
            (with(&|e| e.session_id.clear()), "session_id:"),
            (with(&|e| e.session_id.clone_from(&long)), "session_id:"),
            (with(&|e| e.gateway = "66677 66677".into()), "gateway:"),
            (with(&|e| e.gateway.clone_from(&long)), "gateway:"),
            (with(&|e| e.ipv4_address = "66677".into()), "ipv4_address:"),
            (with(&|e| e.ipv4_address = "127.0.0.1".into()), "ipv4_address:"),
            (with(&|e| e.ipv4_address.clear()), "routing_domain:"),
            (with(&|e| e.routing_domain = "66677/".into()), "routing_domain:"),
            (prefixes("66677"), "ipv6_prefixes:"),
            (prefixes("2001:db8::66677"), "ipv6_prefixes:"),
            (prefixes("2001:db8::/129"), "ipv6_prefixes:"),
            (prefixes("fe80::/64"), "ipv6_prefixes:"),
            (ports(2048, 2047), "nat_mappings:"),
            (ports(1024, 65_536), "nat_mappings:"),
            (
                with(&|e| e.nat_mappings[0].public_address = "66677".into()),
                "nat_mappings.public_address:",
            ),
        ];
        for (event, field) in table {
            let refusal = ip_session(event).unwrap_err();
            let expected = format!("event.ip_session.{field}");
            assert!(
                refusal.message.starts_with(&expected),
                "{refusal:?}, expected {expected}"
            );
            assert!(!refusal.message.contains("66677"), "{refusal:?}");
        }
        let many = with(&|e| e.ipv6_prefixes = vec!["2001:db8::/64".into(); Event::MOST_ADDRESSES]);
        assert!(ip_session(many).is_err());
        assert!(restarted_gateway(&v1::GatewayRestartEvent::default()).is_err());
    }
}
