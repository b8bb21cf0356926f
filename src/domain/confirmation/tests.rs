//! When answers are confirmed: a story for each rule, and the promises over random facts and lives of feeds.

use proptest::prelude::*;

use crate::domain::feed_health::Signs;
use crate::domain::properties::{after, at, events_in, slots};
use crate::domain::*;

pub(in crate::domain) const COPIES: i16 = 1;
pub(in crate::domain) const ADAPTER: i16 = 2;

pub(in crate::domain) fn id(number: i16) -> FeedId {
    FeedId::from_number(number).unwrap()
}

pub(in crate::domain) fn subscriber() -> SubscriberId {
    Imsi::parse("001010000000001").unwrap().into()
}

/// A feed that lives from `since` to `last`.
fn living(coverage: Coverage, since: i64, last: i64) -> FeedHealth {
    let mut feed = FeedHealth::new("feed", at(since));
    feed.coverage = coverage;
    feed.counts = true;
    see(&mut feed, since, last);
    feed
}

pub(in crate::domain) fn see(feed: &mut FeedHealth, since: i64, last: i64) {
    feed.saw(Signs {
        since: at(since),
        last: at(last),
        lives: true,
    });
}

/// A copy of S6a and an adapter that tells everything, both alive from 1 to `last`.
pub(in crate::domain) fn feeds(last: i64) -> Feeds {
    let mut feeds = Feeds::default();
    feeds.put(id(COPIES), living(Coverage::copies(), 1, last));
    feeds.put(id(ADAPTER), living(Coverage::everywhere(Tells::ALL), 1, last));
    feeds
}

pub(in crate::domain) fn told(feed: i16, time: i64, change: Change) -> Event {
    Event {
        feed: id(feed),
        ..Event::new(
            Imsi::parse("001010000000001").unwrap().into(),
            at(time),
            at(time),
            [change],
        )
    }
}

pub(in crate::domain) fn attach(slot: Slot) -> Change {
    Change::Registered {
        slot,
        node: Node::parse("node1").unwrap(),
        ends: Ends::default(),
    }
}

pub(in crate::domain) fn purge(slot: Slot) -> Change {
    Change::Deregistered {
        slot,
        node: Node::parse("node1").unwrap(),
    }
}

pub(in crate::domain) fn lost(slot: Slot) -> Change {
    Change::Unreachable {
        slot,
        node: Node::parse("node1").unwrap(),
        until: None,
    }
}

fn confirmed(events: &[Event], feeds: &Feeds, now: i64) -> Option<Timestamp> {
    after(events)
        .reachability_with(at(now), feeds, subscriber())
        .last_confirmed_time
}

pub(in crate::domain) fn away(feeds: &mut Feeds, feed: i16, from: i64, to: i64, last: i64) {
    let feed = feeds.get_mut(id(feed)).unwrap();
    see(feed, 1, from);
    feed.lost();
    see(feed, to, last);
}

#[test]
fn an_attach_in_a_copy_of_s6a_is_confirmed_by_itself_alone() {
    let events = [told(COPIES, 10, attach(Slot::Mme))];
    assert_eq!(confirmed(&events, &feeds(90), 100), Some(at(10)));
}

#[test]
fn a_purge_in_a_copy_of_s6a_is_confirmed_by_silence_since_a_return_would_have_shown() {
    let events = [
        told(COPIES, 10, attach(Slot::Mme)),
        told(COPIES, 20, purge(Slot::Mme)),
    ];
    assert_eq!(confirmed(&events, &feeds(90), 100), Some(at(90)));
}

#[test]
fn a_loss_is_confirmed_by_silence_only_of_who_would_tell_of_the_return() {
    let events = [
        told(COPIES, 10, attach(Slot::Mme)),
        told(COPIES, 20, lost(Slot::Mme)),
    ];
    assert_eq!(confirmed(&events, &feeds(90), 100), Some(at(90)));
    let mut without = feeds(90);
    without.get_mut(id(ADAPTER)).unwrap().counts = false;
    assert_eq!(confirmed(&events, &without, 100), Some(at(20)));
}

#[test]
fn a_feed_that_tells_of_losses_confirms_an_attach_by_silence_up_to_its_gap() {
    let events = [told(ADAPTER, 10, attach(Slot::Amf3gpp))];
    let mut feeds = feeds(50);
    assert_eq!(confirmed(&events, &feeds, 60), Some(at(50)));
    away(&mut feeds, ADAPTER, 50, 70, 90);
    assert_eq!(confirmed(&events, &feeds, 100), Some(at(50)));
    let again = [events.to_vec(), vec![told(ADAPTER, 80, attach(Slot::Amf3gpp))]].concat();
    assert_eq!(confirmed(&again, &feeds, 100), Some(at(90)));
}

#[test]
fn whom_a_feed_does_not_name_when_it_tells_all_again_is_as_absent_as_before_and_not_as_present() {
    let attached = [told(ADAPTER, 10, attach(Slot::Amf3gpp))];
    let purged = [
        told(ADAPTER, 10, attach(Slot::Amf3gpp)),
        told(ADAPTER, 20, purge(Slot::Amf3gpp)),
    ];
    let mut feeds = feeds(50);
    away(&mut feeds, ADAPTER, 50, 70, 90);
    see(feeds.get_mut(id(COPIES)).unwrap(), 1, 90);
    for events in [&attached[..], &purged] {
        assert_eq!(confirmed(events, &feeds, 100), Some(at(50)));
    }
    feeds.get_mut(id(ADAPTER)).unwrap().resynchronised(at(70));
    assert_eq!(confirmed(&purged, &feeds, 100), Some(at(90)));
    assert_eq!(
        confirmed(&attached, &feeds, 100),
        Some(at(50)),
        "it may be forgotten"
    );
    // What is told of a moment in a gap holds for that moment.
    feeds.get_mut(id(ADAPTER)).unwrap().doubted(at(80), None);
    assert_eq!(confirmed(&purged, &feeds, 100), Some(at(80)));
    feeds.get_mut(id(ADAPTER)).unwrap().lost();
    assert_eq!(confirmed(&purged, &feeds, 100), Some(at(80)));
}

#[test]
fn a_feed_that_was_heard_before_the_last_word_of_another_confirms_up_to_where_it_was_heard() {
    let events = [
        told(COPIES, 10, attach(Slot::Mme)),
        told(COPIES, 20, purge(Slot::Mme)),
    ];
    let late = Event {
        received_at: at(95_000),
        ..told(COPIES, 20, purge(Slot::Mme))
    };
    let mut feeds = feeds(90_000);
    see(feeds.get_mut(id(COPIES)).unwrap(), 1, 96_000);
    let again = [events.to_vec(), vec![late]].concat();
    assert_eq!(confirmed(&events, &feeds, 100_000), Some(at(90_000)));
    assert_eq!(confirmed(&again, &feeds, 100_000), Some(at(90_000)));
}

#[test]
fn a_positive_answer_is_as_confirmed_as_its_best_registration() {
    let events = [
        told(COPIES, 10, attach(Slot::Mme)),
        told(ADAPTER, 20, attach(Slot::AmfNon3gpp)),
    ];
    assert_eq!(confirmed(&events, &feeds(90), 100), Some(at(90)));
}

#[test]
fn not_connected_is_only_as_confirmed_as_the_worst_feed_that_could_have_said_otherwise() {
    let events = [
        told(COPIES, 10, attach(Slot::Mme)),
        told(COPIES, 20, purge(Slot::Mme)),
    ];
    let mut feeds = feeds(90);
    // The purge came from the copies, yet the device may have come back through the adapter while that was away.
    away(&mut feeds, ADAPTER, 90, 95, 98);
    see(feeds.get_mut(id(COPIES)).unwrap(), 1, 98);
    assert_eq!(confirmed(&events, &feeds, 100), Some(at(90)));
    feeds.get_mut(id(ADAPTER)).unwrap().counts = false;
    assert_eq!(confirmed(&events, &feeds, 100), Some(at(98)));
    let mut never = feeds.clone();
    let mut silent = FeedHealth::new("dra2", at(1));
    silent.coverage = Coverage::copies();
    silent.counts = true;
    never.put(id(3), silent);
    assert_eq!(confirmed(&events, &never, 100), Some(at(20)));
}

#[test]
fn what_came_late_counts_from_its_receipt() {
    let late = Event {
        received_at: at(80_000_000),
        ..told(ADAPTER, 10, attach(Slot::Mme))
    };
    let mut feeds = feeds(20);
    away(&mut feeds, ADAPTER, 20, 70_000_000, 90_000_000);
    assert_eq!(confirmed(&[late], &feeds, 100_000_000), Some(at(90_000_000)));
}

#[test]
fn a_reset_puts_in_doubt_what_the_feed_told_before_it() {
    let events = [told(ADAPTER, 10, attach(Slot::Mme))];
    let mut feeds = feeds(50);
    feeds.get_mut(id(ADAPTER)).unwrap().doubted(at(55), None);
    see(feeds.get_mut(id(ADAPTER)).unwrap(), 1, 90);
    assert_eq!(confirmed(&events, &feeds, 100), Some(at(50)));
}

/// One look at a feed.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) enum Look {
    Lives,
    Gone,
    Back,
    Doubted,
    Resynchronised,
    Nothing,
}

pub(in crate::domain) fn looks() -> impl Strategy<Value = Vec<[Look; 2]>> {
    let look = || {
        prop_oneof![
            4 => Just(Look::Lives), 1 => Just(Look::Gone), 1 => Just(Look::Back),
            1 => Just(Look::Doubted), 1 => Just(Look::Resynchronised), 2 => Just(Look::Nothing),
        ]
    };
    prop::collection::vec([look(), look()], 1..25)
}

/// Lets ten microseconds pass, and looks.
pub(in crate::domain) fn look(feed: &mut FeedHealth, look: Look, now: i64) {
    let since = feed
        .gaps()
        .last()
        .and_then(|gap| gap.end)
        .map_or(1, Timestamp::as_micros);
    match look {
        Look::Lives => see(
            feed,
            if feed.open_gap().is_some() { now - 3 } else { since },
            now - 2,
        ),
        Look::Back => see(feed, now - 4, now - 1),
        Look::Gone => feed.lost(),
        Look::Doubted => feed.doubted(at(now - 1), None),
        // It began when the feed was heard last.
        Look::Resynchronised => feed.resynchronised(feed.alive_until.unwrap_or_else(|| at(now - 1))),
        Look::Nothing => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_confirmed_time_never_runs_backwards_nor_ahead_of_now(events in events_in(slots()), looks in looks()) {
        let registrations = after(&events);
        // All was received by 1000.
        let (mut feeds, mut now, mut last) = (feeds(1001), 1010, None);
        for pair in looks {
            for (number, what) in [COPIES, ADAPTER].into_iter().zip(pair) {
                look(feeds.get_mut(id(number)).unwrap(), what, now);
            }
            let answer = registrations.reachability_with(at(now), &feeds, subscriber());
            let confirmed = answer.last_confirmed_time;
            prop_assert!(confirmed >= last, "{:?} after {:?}", confirmed, last);
            prop_assert!(confirmed <= Some(at(now)));
            prop_assert!(confirmed >= answer.last_status_time);
            prop_assert_eq!(answer.status, registrations.reachability(at(now)).status);
            last = confirmed;
            now += 10;
        }
    }

    #[test]
    fn a_gap_never_raises_a_confirmed_time(
        events in events_in(slots()), looks in looks(), number in prop::sample::select(vec![COPIES, ADAPTER]), gap in 900..1300i64
    ) {
        let registrations = after(&events);
        let (mut feeds, mut now) = (feeds(1001), 1010);
        for pair in looks {
            for (number, what) in [COPIES, ADAPTER].into_iter().zip(pair) {
                look(feeds.get_mut(id(number)).unwrap(), what, now);
            }
            now += 10;
        }
        let confirmed = |feeds: &Feeds| registrations.reachability_with(at(now), feeds, subscriber()).last_confirmed_time;
        let before = confirmed(&feeds);
        feeds.get_mut(id(number)).unwrap().doubted(at(gap), None);
        let after = confirmed(&feeds);
        prop_assert!(after <= before, "{:?} from {:?}", after, before);
        feeds.get_mut(id(number)).unwrap().lost();
        prop_assert!(confirmed(&feeds) <= after);
    }

    #[test]
    fn to_tell_all_again_confirms_no_presence_and_never_takes_anything_back(
        events in events_in(slots()), looks in looks(), number in prop::sample::select(vec![COPIES, ADAPTER]), then in 1..1300i64
    ) {
        let registrations = after(&events);
        let (mut feeds, mut now) = (feeds(1001), 1010);
        for pair in looks {
            for (number, what) in [COPIES, ADAPTER].into_iter().zip(pair) {
                look(feeds.get_mut(id(number)).unwrap(), what, now);
            }
            now += 10;
        }
        let answer = |feeds: &Feeds| registrations.reachability_with(at(now), feeds, subscriber());
        let before = answer(&feeds);
        let feed = feeds.get_mut(id(number)).unwrap();
        feed.resynchronised(feed.alive_until.map_or_else(|| at(then), |alive| alive.min(at(then))));
        let after = answer(&feeds);
        prop_assert!(after.last_confirmed_time >= before.last_confirmed_time);
        if after.status != Status::NotConnected {
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn silence_confirms_only_what_it_would_have_contradicted(events in events_in(slots()), now in 1002..2000i64) {
        // Feeds that answer only when they are asked confirm nothing, however alive they are.
        let mut feeds = Feeds::default();
        for number in [COPIES, ADAPTER] {
            feeds.put(id(number), living(Coverage::NONE, 1, now));
        }
        let registrations = after(&events);
        let answer = registrations.reachability_with(at(now), &feeds, subscriber());
        let by_facts = registrations.reachability(at(now));
        prop_assert_eq!(answer.status, by_facts.status);
        if let (Some(confirmed), Some(status)) = (answer.last_confirmed_time, answer.last_status_time) {
            // A renewal may be newer than what the status rests on.
            prop_assert!(confirmed >= status && confirmed < at(30), "{:?}", confirmed);
        }
    }

    #[test]
    fn a_positive_answer_of_copies_alone_is_never_confirmed_by_silence(events in events_in(Just(Slot::Mme)), now in 1002..2000i64) {
        let events: Vec<_> = events.into_iter().map(|event| Event { feed: id(COPIES), ..event }).collect();
        let answer = after(&events).reachability_with(at(now), &feeds(now), subscriber());
        if answer.data {
            prop_assert!(answer.last_confirmed_time < Some(at(30)));
        }
    }

    #[test]
    fn what_nodes_say_that_hold_nothing_confirms_nothing(
        events in events_in(Just(Slot::Mme)), late in 1..60i64
    ) {
        let mut registrations = after(&events);
        registrations.apply(&told(ADAPTER, 25, attach(Slot::Mme)));
        registrations.apply(&told(ADAPTER, 26, purge(Slot::Mme)));
        let mut feeds = feeds(27);
        away(&mut feeds, ADAPTER, 27, 30, 70);
        away(&mut feeds, COPIES, 27, 30, 70);
        let confirmed = |registrations: &Registrations| registrations.reachability_with(at(100), &feeds, subscriber());
        let before = confirmed(&registrations);
        let other = Change::Deregistered { slot: Slot::Mme, node: Node::parse("elsewhere").unwrap() };
        registrations.apply(&told(ADAPTER, late, other));
        prop_assert_eq!(confirmed(&registrations), before);
    }
}
