//! What is erased goes, and does not come back, whatever else arrives and when.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::domain::{Erasures, PseudonymKey, Refuse, Screened};

fn external() -> ExternalIdentifier {
    ExternalIdentifier::parse("meter-1@iot.example").unwrap()
}

/// Everything anybody could ask by.
fn everyone() -> Vec<Identifier> {
    let imsis = (1..4).map(|n| Identifier::Imsi(imsi(n)));
    let numbers = (1..4).map(|n| Identifier::Msisdn(number(n)));
    imsis
        .chain(numbers)
        .chain([Identifier::External(external())])
        .collect()
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let ids = (
        prop::option::of(1..4u32),
        prop::option::of(1..4u32),
        any::<bool>(),
    );
    let one = (ids, 1..20i64, 0..4u8).prop_map(|((of_imsi, of_number, with_external), time, kind)| {
        let external = (with_external || (of_imsi, of_number) == (None, None)).then(external);
        let ids = SubscriberIdentifiers::new(of_imsi.map(imsi), of_number.map(number), external).unwrap();
        let change = match kind {
            0 => None,
            1 => Some(registered(Slot::Mme)),
            2 => Some(registered(Slot::Msc)),
            _ => Some(Change::Deregistered {
                slot: Slot::Mme,
                node: Node::parse("node1.example").unwrap(),
            }),
        };
        Event::new(ids, at(time), at(100), change)
    });
    prop::collection::vec(one, 0..12)
}

/// The ids that are one subscriber with this one, as an erasure finds them.
fn united(index: &Index, identifier: &Identifier) -> HashSet<SubscriberId> {
    let mut ids: HashSet<_> = [identifier.subscriber()].into();
    ids.extend(index.resolve(identifier));
    for _ in 0..3 {
        for other in everyone() {
            if index.holder(&other).is_some_and(|holder| ids.contains(&holder)) {
                ids.insert(other.subscriber());
            }
        }
    }
    ids
}

/// What anybody is told.
fn told(index: &Index) -> Vec<Option<(bool, bool, Option<Timestamp>)>> {
    let answers = everyone().into_iter().map(|identifier| {
        index
            .lookup(&identifier, at(1000))
            .map(|answer| (answer.data, answer.sms, answer.last_status_time))
    });
    answers.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn after_an_erasure_everybody_is_told_what_later_events_and_those_of_others_give(
        events in events(), moment in 0..12usize, floor in 1..20i64, whom in 0..7usize,
    ) {
        let key = PseudonymKey::new(&[7; 32]);
        let (before, behind) = events.split_at(moment.min(events.len()));
        let index = Index::new();
        before.iter().for_each(|event| { index.apply(event); });

        let erased = united(&index, &everyone()[whom]);
        let mut erasures = Erasures::default();
        for id in &erased {
            erasures.note(key.of(*id), at(floor));
        }
        index.sweep(|id| erasures.floor(&key.of(id)));

        let kept = |event: &Event| {
            let mut event = event.clone();
            (erasures.screen(&key, Refuse::Late, &mut event) == Screened::Kept).then_some(event)
        };
        for event in behind.iter().filter_map(kept) {
            index.apply(&event);
        }
        // As if nothing that the erasure takes away had ever come.
        let never = Index::new();
        for event in events.iter().filter_map(kept) {
            never.apply(&event);
        }
        prop_assert_eq!(told(&index), told(&never));
    }

    #[test]
    fn of_whom_only_what_is_late_is_told_nothing_is_ever_known_again(
        events in events(), moment in 0..12usize, whom in 0..7usize,
    ) {
        let key = PseudonymKey::new(&[7; 32]);
        let (before, behind) = events.split_at(moment.min(events.len()));
        let index = Index::new();
        before.iter().for_each(|event| { index.apply(event); });
        let whom = &everyone()[whom];
        let mut erasures = Erasures::default();
        for id in united(&index, whom) {
            erasures.note(key.of(id), at(20));
        }
        index.sweep(|id| erasures.floor(&key.of(id)));
        prop_assert!(index.lookup(whom, at(1000)).is_none());
        for event in behind {
            let mut event = event.clone();
            if erasures.screen(&key, Refuse::Late, &mut event) == Screened::Kept {
                index.apply(&event);
            }
            prop_assert!(index.lookup(whom, at(1000)).is_none());
        }
    }
}

#[test]
fn nothing_of_whoever_was_erased_stays_in_memory() {
    let index = Index::new();
    index.apply(&event(
        Some(imsi(1)),
        Some(number(1)),
        10,
        Some(registered(Slot::Mme)),
    ));
    index.apply(&event(None, Some(number(1)), 11, Some(registered(Slot::Msc))));
    index.apply(&event(
        Some(imsi(2)),
        Some(number(2)),
        12,
        Some(registered(Slot::Mme)),
    ));
    for id in [SubscriberId::from(imsi(1)), number(1).into()] {
        index.erase_facts(id, at(20));
    }
    index.erase_binding(&Identifier::Msisdn(number(1)), at(20));
    let size = index.size();
    assert_eq!((size.subscribers, size.identifiers), (1, 1));
    assert_eq!(status(&index, number(1)), None);
    assert_eq!(status(&index, number(2)), Some((true, false)));
}
