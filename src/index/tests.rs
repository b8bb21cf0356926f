//! The index under every kind of change, and under readers meanwhile.

use super::*;
use crate::domain::{
    Change, Coverage, Ends, ExternalIdentifier, FeedHealth, FeedId, Imsi, Msisdn, Signs,
    SubscriberIdentifiers, Tells,
};

mod erasing;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

fn imsi(n: u32) -> Imsi {
    Imsi::parse(&format!("00101{n:010}")).unwrap()
}

fn number(n: u32) -> Msisdn {
    Msisdn::parse(&format!("+999{n:08}")).unwrap()
}

fn registered(slot: Slot) -> Change {
    Change::Registered {
        slot,
        node: Node::parse("node1.example").unwrap(),
        ends: Ends::default(),
    }
}

fn event(imsi: Option<Imsi>, msisdn: Option<Msisdn>, time: i64, change: Option<Change>) -> Event {
    Event::new(
        SubscriberIdentifiers::new(imsi, msisdn, None).unwrap(),
        at(time),
        at(time),
        change,
    )
}

fn status(index: &Index, number: Msisdn) -> Option<(bool, bool)> {
    index
        .lookup(&Identifier::Msisdn(number), at(1000))
        .map(|answer| (answer.data, answer.sms))
}

#[test]
fn a_number_that_was_never_heard_of_is_not_found() {
    assert_eq!(status(&Index::new(), number(1)), None);
}

#[test]
fn whoever_loses_all_that_was_united_with_it_is_as_unknown_as_before() {
    let index = Index::new();
    index.apply(&event(None, Some(number(1)), 10, Some(registered(Slot::Mme))));
    index.apply(&event(Some(imsi(1)), Some(number(1)), 20, None));
    index.apply(&event(Some(imsi(2)), Some(number(1)), 30, None));
    assert_eq!(index.resolve(&Identifier::Imsi(imsi(1))), None);
    assert_eq!(status(&index, number(1)), Some((true, false)));
}

#[test]
fn a_bound_number_without_history_is_unknown_and_not_disconnected() {
    let index = Index::new();
    index.apply(&event(Some(imsi(1)), Some(number(1)), 10, None));
    let answer = index.lookup(&Identifier::Msisdn(number(1)), at(1000)).unwrap();
    assert!(matches!(answer.status, Status::Unknown(_)));
}

#[test]
fn facts_under_the_number_and_under_the_imsi_are_united_in_any_order() {
    let sms = event(None, Some(number(1)), 10, Some(registered(Slot::Msc)));
    let data = event(Some(imsi(1)), None, 20, Some(registered(Slot::Mme)));
    let binding = event(Some(imsi(1)), Some(number(1)), 30, None);
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let events = [&sms, &data, &binding];
    for order in orders {
        let index = Index::new();
        for place in order {
            index.apply(events[place]);
        }
        assert_eq!(status(&index, number(1)), Some((true, true)), "{order:?}");
    }
}

#[test]
fn a_number_alone_does_not_outvote_the_binding_to_its_imsi() {
    let index = Index::new();
    index.apply(&event(
        Some(imsi(1)),
        Some(number(1)),
        10,
        Some(registered(Slot::Mme)),
    ));
    index.apply(&event(None, Some(number(1)), 20, Some(registered(Slot::Msc))));
    assert_eq!(status(&index, number(1)), Some((true, true)));
}

#[test]
fn the_newest_binding_moves_a_number_and_its_facts() {
    for reversed in [false, true] {
        let index = Index::new();
        let mut events = [
            event(Some(imsi(1)), None, 5, Some(registered(Slot::Mme))),
            event(Some(imsi(1)), Some(number(1)), 10, None),
            event(Some(imsi(2)), Some(number(1)), 20, None),
            event(None, Some(number(1)), 25, Some(registered(Slot::Msc))),
        ];
        if reversed {
            events.reverse();
        }
        events.iter().for_each(|event| {
            index.apply(event);
        });
        assert_eq!(
            status(&index, number(1)),
            Some((false, true)),
            "reversed: {reversed}"
        );
        let former = index.reachability(imsi(1).into(), at(1000));
        assert_eq!((former.data, former.sms), (true, false), "reversed: {reversed}");
    }
}

#[test]
fn what_is_known_already_need_not_be_stored_again() {
    let index = Index::new();
    let attach = event(Some(imsi(1)), Some(number(1)), 10, Some(registered(Slot::Mme)));
    assert_eq!(index.already_known(&attach), None);
    index.apply(&attach);
    assert_eq!(index.already_known(&attach), Some(Outcome::Duplicate));
    let older = event(Some(imsi(1)), None, 9, Some(registered(Slot::Mme)));
    assert_eq!(index.already_known(&older), Some(Outcome::Stale));
}

#[test]
fn what_is_told_again_is_worth_storing_once_after_a_gap_of_its_feed() {
    let index = Index::new();
    let feed = FeedId::from_number(1).unwrap();
    let attach = |received| Event {
        feed,
        received_at: at(received),
        ..event(Some(imsi(1)), None, 10, Some(registered(Slot::Mme)))
    };
    index.apply(&attach(10));
    let mut health = FeedHealth::new("mediation-1", at(1));
    health.coverage = Coverage::everywhere(Tells::ALL);
    let lived = |health: &mut FeedHealth, since, last| {
        health.saw(Signs {
            since: at(since),
            last: at(last),
            lives: true,
        });
        let mut feeds = Feeds::default();
        feeds.put(feed, health.clone());
        index.set_feeds(Arc::new(feeds));
    };
    lived(&mut health, 5, 20);
    assert_eq!(index.already_known(&attach(30)), Some(Outcome::Duplicate));
    health.lost();
    lived(&mut health, 40, 50);
    assert_eq!(index.already_known(&attach(45)), None);
    assert_eq!(index.apply(&attach(45)).outcome, Outcome::Duplicate);
    assert_eq!(index.already_known(&attach(46)), Some(Outcome::Duplicate));
}

#[test]
fn loading_rows_gives_the_same_answers_as_applying_events() {
    let index = Index::new();
    let facts = Facts {
        registered_at: Some(at(10)),
        ..Facts::default()
    };
    let node = Node::parse("msc1").unwrap();
    index.load_registration(number(1).into(), Slot::Msc, Some(&node), &facts);
    index.load_registration(imsi(1).into(), Slot::Mme, Some(&node), &facts);
    index.load_binding(&Identifier::Msisdn(number(1)), imsi(1).into(), at(5));
    assert!(!index.is_loaded());
    index.finish_loading();
    assert!(index.is_loaded());
    assert_eq!(status(&index, number(1)), Some((true, true)));
    assert_eq!(
        index.size(),
        Size {
            subscribers: 2,
            identifiers: 1,
            addresses: 0,
        }
    );
}

/// Applies events in every order, and once more to an index that loaded what each of them stored.
fn in_every_order(events: &[Event], check: impl Fn(&Index, &str)) {
    let mut orders = vec![Vec::new()];
    for event in events {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<&Event>| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, event);
                    longer
                })
            })
            .collect();
    }
    for order in orders {
        let (live, loaded) = (Index::new(), Index::new());
        for event in &order {
            live.apply(event);
            let subscriber = event.subscriber.subscriber();
            for change in &event.changes {
                let (slot, node, facts) = Facts::of(change, event.event_time);
                loaded.load_registration(subscriber, slot, node, &facts);
            }
            for identifier in event.subscriber.bindings() {
                loaded.load_binding(&identifier, subscriber, event.event_time);
            }
        }
        loaded.finish_loading();
        let shown = format!(
            "{:?}",
            order.iter().map(|event| event.event_time).collect::<Vec<_>>()
        );
        check(&live, &shown);
        check(&loaded, &format!("loaded {shown}"));
    }
}

#[test]
fn facts_two_steps_away_are_found_in_every_order_and_after_a_restart() {
    let of = |imsi, msisdn, external: bool, time, change: Option<Change>| {
        let ids = SubscriberIdentifiers::new(imsi, msisdn, external.then(self::external)).unwrap();
        Event::new(ids, at(time), at(time), change)
    };
    let events = [
        of(None, None, true, 10, Some(registered(Slot::Msc))),
        of(Some(imsi(1)), Some(number(1)), false, 20, None),
        of(None, Some(number(1)), true, 30, None),
        of(Some(imsi(1)), None, false, 40, Some(registered(Slot::Mme))),
    ];
    in_every_order(&events, |index, order| {
        for identifier in [Identifier::Msisdn(number(1)), Identifier::External(external())] {
            let answer = index.lookup(&identifier, at(1000)).unwrap();
            assert_eq!((answer.data, answer.sms), (true, true), "{identifier:?} {order}");
        }
        let whole = index.reachability(imsi(1).into(), at(1000));
        assert_eq!((whole.data, whole.sms), (true, true), "{order}");
    });
}

#[test]
fn a_number_that_moves_back_and_forth_takes_its_facts_along_in_every_order() {
    let events = [
        event(None, Some(number(1)), 5, Some(registered(Slot::Msc))),
        event(Some(imsi(1)), Some(number(1)), 10, None),
        event(Some(imsi(2)), Some(number(1)), 20, None),
        event(Some(imsi(1)), Some(number(1)), 30, None),
    ];
    in_every_order(&events, |index, order| {
        assert!(index.reachability(imsi(1).into(), at(1000)).sms, "{order}");
        assert!(!index.reachability(imsi(2).into(), at(1000)).sms, "{order}");
    });
}

fn external() -> ExternalIdentifier {
    ExternalIdentifier::parse("meter-1@iot.example").unwrap()
}

fn marked(index: &Index) -> Vec<SubscriberId> {
    let mut ids: Vec<_> = index.touched().take().ids.into_iter().collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(mut ids: [SubscriberId; N]) -> [SubscriberId; N] {
    ids.sort();
    ids
}

#[test]
fn nothing_is_marked_while_nobody_watches() {
    let index = Index::new();
    index.apply(&event(
        Some(imsi(1)),
        Some(number(1)),
        10,
        Some(registered(Slot::Mme)),
    ));
    assert!(index.touched().take().is_empty());
}

#[test]
fn whoever_facts_count_for_is_marked_and_repetitions_are_not() {
    let index = Index::new();
    index.touched().watch(true);
    index.apply(&event(Some(imsi(1)), Some(number(1)), 10, None));
    assert_eq!(marked(&index), sorted([imsi(1).into(), number(1).into()]));
    let attach = event(Some(imsi(1)), None, 20, Some(registered(Slot::Mme)));
    index.apply(&attach);
    assert_eq!(marked(&index), [imsi(1).into()]);
    index.apply(&attach);
    assert!(marked(&index).is_empty());
    // Facts under the number count for the IMSI that holds it.
    index.apply(&event(None, Some(number(1)), 30, Some(registered(Slot::Msc))));
    assert_eq!(marked(&index), sorted([imsi(1).into(), number(1).into()]));
    // Of a number that moves both holders are marked.
    index.apply(&event(Some(imsi(2)), Some(number(1)), 40, None));
    assert_eq!(
        marked(&index),
        sorted([imsi(1).into(), imsi(2).into(), number(1).into()])
    );
}

#[test]
fn an_external_identifier_that_finds_a_holder_is_marked_with_its_text() {
    let index = Index::new();
    index.touched().watch(true);
    let ids = SubscriberIdentifiers::new(None, Some(number(1)), Some(external())).unwrap();
    index.apply(&Event::new(ids, at(10), at(10), None));
    let marks = index.touched().take();
    let own = SubscriberId::from(&external());
    assert!(marks.ids.contains(&own) && marks.ids.contains(&SubscriberId::from(number(1))));
    assert_eq!(marks.externals.get(&own), Some(&external()));
    index.apply(&event(
        Some(imsi(1)),
        Some(number(1)),
        20,
        Some(registered(Slot::Mme)),
    ));
    let outlook = index.outlook(&Identifier::External(external()), at(30)).unwrap();
    assert_eq!(outlook.subscriber, imsi(1).into());
    assert_eq!(outlook.via, Some(number(1).into()));
}

#[test]
fn every_name_that_finds_a_device_is_told_in_its_part_once() {
    let index = Index::new();
    let ids = SubscriberIdentifiers::new(Some(imsi(1)), Some(number(1)), Some(external())).unwrap();
    index.apply(&Event::new(ids, at(10), at(10), Some(registered(Slot::Mme))));
    index.apply(&event(None, Some(number(1)), 20, Some(registered(Slot::Msc))));
    index.apply(&event(None, Some(number(2)), 20, Some(registered(Slot::Msc))));
    index.apply(&event(Some(imsi(3)), None, 20, Some(registered(Slot::Mme))));
    let told: Vec<_> = (0..Index::PARTS).flat_map(|part| index.names_in(part)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for name in [
        Identifier::Msisdn(number(1)),
        Identifier::Msisdn(number(2)),
        Identifier::External(external()),
    ] {
        assert!(index.names_in(Index::part_of(name.subscriber())).contains(&name));
        let answer = index.outlook(&name, at(50)).unwrap().reachability;
        assert_eq!(Some(answer), index.lookup(&name, at(50)));
    }
}
