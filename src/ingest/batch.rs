//! Arithmetic of batches: events in, rows out, without a clock or a store.

use crate::domain::{Change, Event, IpChangeKind, IpFacts, News, Node, SessionAddress, Slot, SubscriberId};
use crate::store::{Batch, BindingRow, GatewayRestartRow, IpSessionRow, RegistrationRow};

/// The rows that make these events durable: one per key, sorted by key, facts of the same key joined.
pub(super) fn rows<'a>(news: impl Iterator<Item = &'a News> + Clone) -> Batch {
    let mut registrations = Vec::with_capacity(news.size_hint().0);
    let (mut bindings, mut ip_sessions) = (Vec::new(), Vec::new());
    let mut gateway_restarts = Vec::new();
    for news in news {
        let event = match news {
            News::Event(event) => event,
            News::GatewayRestarted(restart) => {
                gateway_restarts.push(GatewayRestartRow {
                    gateway: restart.gateway.clone(),
                    restarted_at: restart.restarted_at,
                });
                continue;
            }
        };
        let subscriber = event.subscriber.subscriber();
        for change in &event.changes {
            let (slot, node, facts) = event.facts(change);
            let node = node.cloned();
            let received_at = event.received_at;
            registrations.push(RegistrationRow {
                subscriber,
                slot,
                node,
                facts,
                received_at,
            });
        }
        addresses(event, subscriber, &mut ip_sessions);
        for identifier in event.subscriber.bindings() {
            bindings.push(BindingRow {
                identifier,
                subscriber,
                bound_at: event.event_time,
            });
        }
    }
    registrations.sort_by(|a, b| key(a).cmp(&key(b)));
    registrations.dedup_by(|later, kept| {
        let same = key(later) == key(kept);
        if same {
            kept.facts.join(&later.facts);
            kept.received_at = kept.received_at.max(later.received_at);
        }
        same
    });
    bindings.sort_by_cached_key(|row| (row.subscriber, row.identifier.subscriber()));
    bindings.dedup_by(|later, kept| {
        let same = later.subscriber == kept.subscriber && later.identifier == kept.identifier;
        if same {
            kept.bound_at = kept.bound_at.max(later.bound_at);
        }
        same
    });
    ip_sessions.sort_by_cached_key(|row: &IpSessionRow| {
        let address = row.address.as_ref().map(SessionAddress::text);
        (row.subscriber, row.session.clone(), address)
    });
    ip_sessions.dedup_by(|later, kept| {
        let key = |row: &IpSessionRow| (row.subscriber, row.session.clone(), row.address.clone());
        let same = key(later) == key(kept);
        if same {
            kept.facts.join(&later.facts);
        }
        same
    });
    gateway_restarts.sort_by(|a, b| (&a.gateway, b.restarted_at).cmp(&(&b.gateway, a.restarted_at)));
    // The newest of each comes first.
    gateway_restarts.dedup_by(|later, kept| later.gateway == kept.gateway);
    Batch {
        registrations,
        bindings,
        ip_sessions,
        gateway_restarts,
    }
}

/// What an event does to the addresses of sessions. That a session ended is noted with them, whether or not it had any: by
/// that it is found when it is to be forgotten.
fn addresses(event: &Event, subscriber: SubscriberId, rows: &mut Vec<IpSessionRow>) {
    for change in &event.addresses {
        rows.push(IpSessionRow {
            subscriber,
            session: change.session.clone(),
            address: Some(change.address.clone()),
            facts: IpFacts::of(change.kind, event.event_time),
        });
    }
    for change in &event.changes {
        if let Change::Deregistered {
            slot: Slot::Session,
            node,
        } = change
        {
            rows.push(IpSessionRow {
                subscriber,
                session: node.clone(),
                address: None,
                facts: IpFacts::of(IpChangeKind::Ended, event.event_time),
            });
        }
    }
}

fn key(row: &RegistrationRow) -> (SubscriberId, Slot, Option<&Node>) {
    (row.subscriber, row.slot, row.node.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Ends, Gateway, GatewayRestarted, Imsi, IpChange, RoutingDomain, SubscriberIdentifiers, Timestamp,
    };

    fn event(imsi: &str, micros: i64, change: Change) -> Event {
        let time = Timestamp::from_micros(micros).unwrap();
        let subscriber = SubscriberIdentifiers::from(Imsi::parse(imsi).unwrap());
        Event::new(subscriber, time, time, [change])
    }

    #[test]
    fn events_of_one_registration_become_one_row_with_their_facts_joined() {
        let node = Node::parse("mme1").unwrap();
        let registered = Change::Registered {
            slot: Slot::Mme,
            node: node.clone(),
            ends: Ends::default(),
        };
        let gone = Change::Deregistered {
            slot: Slot::Mme,
            node: node.clone(),
        };
        let events = [
            event("001010000000002", 5, registered.clone()),
            event("001010000000001", 10, registered.clone()),
            event("001010000000001", 30, gone),
            event("001010000000001", 20, registered),
        ];
        let batch = rows(events.map(News::Event).iter());
        assert_eq!(batch.registrations.len(), 2);
        let first = &batch.registrations[0];
        assert_eq!(first.node.as_ref(), Some(&node));
        assert_eq!(first.facts.registered_at, Timestamp::from_micros(20));
        assert_eq!(first.facts.deregistered_at, Timestamp::from_micros(30));
        assert_eq!(Some(first.received_at), Timestamp::from_micros(30));
        assert!(
            batch
                .registrations
                .is_sorted_by_key(|row| (row.subscriber, row.slot))
        );
    }

    #[test]
    fn of_each_gateway_the_newest_restart_becomes_one_row() {
        let at = |micros| Timestamp::from_micros(micros).unwrap();
        let told = [("pgw2", 7), ("pgw1", 10), ("pgw1", 30), ("pgw1", 20)].map(|(name, micros)| {
            let gateway = Gateway::parse(name).unwrap();
            News::GatewayRestarted(GatewayRestarted::new(gateway, at(micros), at(1000)))
        });
        let batch = rows(told.iter());
        let told: Vec<_> = batch
            .gateway_restarts
            .iter()
            .map(|row| (row.gateway.as_str(), row.restarted_at))
            .collect();
        assert_eq!(told, [("pgw1", at(30)), ("pgw2", at(7))]);
        assert_eq!(batch.rows(), 2);
    }

    #[test]
    fn addresses_of_one_session_become_one_row_each_and_its_end_another() {
        let session = Node::parse("session-1").unwrap();
        let address = |last, kind| IpChange {
            address: SessionAddress::v4(RoutingDomain::default(), [192, 0, 2, last].into()).unwrap(),
            session: session.clone(),
            kind,
        };
        let up = Change::Registered {
            slot: Slot::Session,
            node: session.clone(),
            ends: Ends::default(),
        };
        let down = Change::Deregistered {
            slot: Slot::Session,
            node: session.clone(),
        };
        let events = [
            event("001010000000001", 10, up.clone()).with_addresses([address(9, IpChangeKind::Started)]),
            event("001010000000001", 20, up).with_addresses([
                address(9, IpChangeKind::Started),
                address(7, IpChangeKind::Started),
            ]),
            event("001010000000001", 30, down).with_addresses([address(9, IpChangeKind::Ended)]),
        ];
        let batch = rows(events.map(News::Event).iter());
        let at = |micros| Some(Timestamp::from_micros(micros).unwrap());
        let told: Vec<_> = batch
            .ip_sessions
            .iter()
            .map(|row| {
                (
                    row.address.as_ref().map(SessionAddress::text),
                    row.facts.started_at,
                    row.facts.ended_at,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (None, None, at(30)),
                (Some("192.0.2.7/32".to_owned()), at(20), None),
                (Some("192.0.2.9/32".to_owned()), at(20), at(30)),
            ]
        );
        assert_eq!((batch.registrations.len(), batch.rows()), (1, 4));
    }
}
