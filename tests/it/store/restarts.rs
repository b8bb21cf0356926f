//! Restarts of gateways, and addresses of every kind, as every engine has to keep them.

use std::time::{Duration, SystemTime};

use reachd::domain::session::session_name;
use reachd::domain::{
    Change, Ends, Facts, Gateway, IpChangeKind, IpFacts, Node, PortRange, RoutingDomain, SessionAddress,
    Slot, Timestamp,
};
use reachd::store::{Batch, GatewayRestartRow, IpSessionRow, Loaded, RegistrationRow, Store};

use super::generate::{at, imsi};
use super::view::view;
use super::{load, on_each_engine};

fn gateway(name: &str) -> Gateway {
    Gateway::parse(name).unwrap()
}

fn restart(name: &str, restarted_at: Timestamp) -> Batch {
    Batch {
        gateway_restarts: vec![GatewayRestartRow {
            gateway: gateway(name),
            restarted_at,
        }],
        ..Batch::default()
    }
}

fn addresses() -> Vec<SessionAddress> {
    let longest = RoutingDomain::parse(&"d".repeat(64)).unwrap();
    vec![
        SessionAddress::v4(RoutingDomain::default(), [100, 64, 0, 1].into()).unwrap(),
        SessionAddress::v4(longest, [223, 255, 255, 255].into()).unwrap(),
        SessionAddress::v6("2001:db8::".parse().unwrap(), 56).unwrap(),
        SessionAddress::v6("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap(), 128).unwrap(),
        SessionAddress::nat([192, 0, 2, 255].into(), PortRange::new(0, 65535).unwrap()).unwrap(),
    ]
}

/// A session that registered so long ago, and is vouched for until then.
fn session(n: u64, name: &Node, registered: Timestamp, until: Timestamp) -> Vec<RegistrationRow> {
    let slot = Slot::Session;
    let changes = [
        Change::Registered {
            slot,
            node: name.clone(),
            ends: Ends::default(),
        },
        Change::Reachable {
            slot,
            node: name.clone(),
            until: Some(until),
        },
    ];
    let mut facts = Facts::default();
    for change in &changes {
        facts.join(&Facts::of(change, registered).2);
    }
    vec![RegistrationRow {
        subscriber: imsi(n),
        slot,
        node: Some(name.clone()),
        facts,
        received_at: registered,
    }]
}

on_each_engine! {
    async fn the_newest_restart_of_each_gateway_comes_back_in_any_order(fresh) {
        for (name, time) in [("pgw1", 20), ("pgw2", 5), ("pgw1", 30), ("pgw1", 10), ("pgw1", 30)] {
            fresh.store.commit(&restart(name, at(time))).await.unwrap();
        }
        let mut left: Vec<_> = load(&fresh.reopened().await).await.into_iter().map(|row| match row {
            Loaded::GatewayRestart(row) => (row.gateway.as_str().to_owned(), row.restarted_at),
            other => panic!("{other:?}"),
        }).collect();
        left.sort();
        assert_eq!(left, [("pgw1".to_owned(), at(30)), ("pgw2".to_owned(), at(5))]);
    }

    async fn a_restart_is_durable_together_with_everything_else_of_its_batch(fresh) {
        let everything = Batch {
            registrations: session(1, &session_name(None, &[b"1"]), at(5), at(9)),
            ..restart("pgw1", at(7))
        };
        fresh.store.commit(&everything).await.unwrap();
        assert_eq!(load(&fresh.store).await.len(), 2);
    }

    async fn addresses_of_every_kind_come_back_as_they_were(fresh) {
        let name = session_name(Some(&gateway(&"g".repeat(214))), &[b"1"]);
        let mut ip_sessions: Vec<_> = addresses().into_iter().map(|address| IpSessionRow {
            subscriber: imsi(1),
            session: name.clone(),
            address: Some(address),
            facts: IpFacts { started_at: Some(at(5)), ended_at: Some(Timestamp::MAX) },
        }).collect();
        ip_sessions.push(IpSessionRow {
            subscriber: imsi(1),
            session: name.clone(),
            address: None,
            facts: IpFacts::of(IpChangeKind::Ended, at(6)),
        });
        let text = |row: &IpSessionRow| row.address.as_ref().map(SessionAddress::text);
        ip_sessions.sort_by_key(text);
        fresh.store.commit(&Batch { ip_sessions: ip_sessions.clone(), ..Batch::default() }).await.unwrap();
        let mut left: Vec<_> = load(&fresh.reopened().await).await.into_iter().map(|row| match row {
            Loaded::IpSession(row) => row,
            other => panic!("{other:?}"),
        }).collect();
        left.sort_by_key(text);
        assert_eq!(left, ip_sessions);
    }

    async fn a_session_that_expired_long_ago_is_forgotten_like_one_that_ended(fresh) {
        let mut registrations = Vec::new();
        let mut ip_sessions = Vec::new();
        // One has two that expired, one has one that goes on, one has one that began anew after its end.
        let told = [(1, "1", 10, 20), (1, "2", 12, 30), (2, "3", 10, 900), (3, "4", 10, 20)];
        for ((n, id, from, until), address) in told.into_iter().zip(addresses()) {
            let name = session_name(Some(&gateway("pgw1")), &[id.as_bytes()]);
            let mut rows = session(n, &name, at(from), at(until));
            if id == "4" {
                rows[0].facts.registered_at = Some(at(500));
            }
            registrations.append(&mut rows);
            ip_sessions.push(IpSessionRow {
                subscriber: imsi(n),
                session: name,
                address: Some(address),
                facts: IpFacts { started_at: Some(at(from)), ended_at: None },
            });
        }
        registrations.sort_by_key(|row| (row.subscriber, row.node.clone()));
        ip_sessions.sort_by_key(|row| (row.subscriber, row.session.clone()));
        fresh.store.commit(&Batch { registrations, ip_sessions, ..Batch::default() }).await.unwrap();
        let left = async || {
            let mut left = Vec::new();
            for row in load(&fresh.store).await {
                match row {
                    Loaded::Registration(row) => left.push((row.subscriber, "session", row.facts.deregistered_at)),
                    Loaded::IpSession(row) => left.push((row.subscriber, "address", row.facts.ended_at)),
                    other => panic!("{other:?}"),
                }
            }
            left.sort();
            left
        };
        let before = left().await;
        assert_eq!(fresh.store.prune(at(20), 100).await.unwrap(), 0);
        assert_eq!(left().await, before, "none expired before");
        while fresh.store.prune(at(600), 1).await.unwrap() > 0 {}
        // The last session of the first stays, because the answer rests on it; nobody has its address.
        assert_eq!(left().await, [
            (imsi(1), "session", Some(at(30))),
            (imsi(2), "address", None),
            (imsi(2), "session", None),
            (imsi(3), "address", None),
            (imsi(3), "session", None),
        ]);
    }

    async fn the_view_knows_of_restarts_and_of_sessions_that_nobody_vouches_for(fresh) {
        let now = Timestamp::from_system_time(SystemTime::now()).unwrap();
        let ago = |minutes: u64| {
            let time = SystemTime::now() - Duration::from_secs(60 * minutes);
            Timestamp::from_system_time(time).unwrap()
        };
        let later = now.plus(Duration::from_secs(3600));
        let of = |name: &str, id: &[u8]| session_name(Some(&gateway(name)), &[id]);
        let rows = [
            session(1, &of("pgw1", b"1"), ago(30), later),
            session(2, &of("pgw1", b"2"), ago(10), later),
            session(3, &of("pgw2", b"3"), ago(30), later),
            session(4, &session_name(None, &[b"4"]), ago(30), later),
            session(5, &of("pgw2", b"5"), ago(30), ago(5)),
        ];
        let registrations = rows.into_iter().flatten().collect();
        let batch = Batch { registrations, ..restart("pgw1", ago(20)) };
        fresh.store.commit(&batch).await.unwrap();
        let found = view(&fresh.store, &fresh.config, "").await;
        let told: Vec<_> = found.iter().map(|row| (row.1.as_str(), row.2)).collect();
        let (up, down) = (("CONNECTED_DATA", true), ("NOT_CONNECTED", false));
        assert_eq!(told, [down, up, up, up, down]);
        // Since the restart, and since the end of what was vouched for.
        let micros = |row: usize| found[row].4.clone().unwrap();
        assert!(micros(0) < micros(4), "{} {}", micros(0), micros(4));
        assert_eq!(micros(0)[..19], batch.gateway_restarts[0].restarted_at.to_string()[..19]);
    }
}
