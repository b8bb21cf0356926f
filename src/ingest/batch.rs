//! Arithmetic of batches: events in, rows out, without a clock or a store.

use crate::domain::{Event, Facts, Node};
use crate::store::{Batch, BindingRow, RegistrationRow};

/// The rows that make these events durable: one per key, sorted by key, facts of the same key joined.
pub(super) fn rows<'a>(events: impl Iterator<Item = &'a Event> + Clone) -> Batch {
    let mut registrations = Vec::with_capacity(events.size_hint().0);
    let mut bindings = Vec::new();
    for event in events {
        let subscriber = event.subscriber.subscriber();
        for change in &event.changes {
            let (slot, node, facts) = Facts::of(change, event.event_time);
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
    Batch {
        registrations,
        bindings,
    }
}

fn key(row: &RegistrationRow) -> (crate::domain::SubscriberId, crate::domain::Slot, Option<&Node>) {
    (row.subscriber, row.slot, row.node.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Change, Ends, Imsi, Slot, SubscriberIdentifiers, Timestamp};

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
        let batch = rows(events.iter());
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
}
