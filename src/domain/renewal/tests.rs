//! What is worth hearing again, and that hearing it never takes anything back.

use proptest::prelude::*;

use crate::domain::confirmation::tests::{
    ADAPTER, COPIES, attach, away, feeds, id, look, looks, lost, purge, see, subscriber, told,
};
use crate::domain::properties::{after, at, events_in, slots};
use crate::domain::*;

/// A millisecond: receipts are kept no finer.
const MS: i64 = 1000;

fn again(event: &Event, feed: i16, received: i64) -> Event {
    Event {
        feed: id(feed),
        received_at: at(received),
        ..event.clone()
    }
}

fn confirmed(registrations: &Registrations, feeds: &Feeds, now: i64) -> Option<Timestamp> {
    registrations
        .reachability_with(at(now), feeds, subscriber())
        .last_confirmed_time
}

/// Both feeds alive since 1 ms, the adapter away from 50 to 70 ms.
fn after_a_gap() -> Feeds {
    let mut feeds = feeds(50 * MS);
    away(&mut feeds, ADAPTER, 50 * MS, 70 * MS, 90 * MS);
    see(feeds.get_mut(id(COPIES)).unwrap(), 1, 90 * MS);
    feeds
}

#[test]
fn a_fact_that_is_told_again_after_a_gap_is_worth_keeping_and_not_otherwise() {
    let attach = told(ADAPTER, 10 * MS, attach(Slot::Amf3gpp));
    let mut known = after(std::slice::from_ref(&attach));
    let before = feeds(50 * MS);
    assert!(!known.renewed_by(&again(&attach, ADAPTER, 40 * MS), &before));
    let feeds = after_a_gap();
    assert_eq!(confirmed(&known, &feeds, 100 * MS), Some(at(50 * MS)));
    let repeated = again(&attach, ADAPTER, 80 * MS);
    assert!(known.renewed_by(&repeated, &feeds));
    assert_eq!(known.apply(&repeated).outcome, Outcome::Duplicate);
    assert_eq!(confirmed(&known, &feeds, 100 * MS), Some(at(90 * MS)));
    assert!(
        !known.renewed_by(&again(&attach, ADAPTER, 85 * MS), &feeds),
        "once is enough"
    );
}

#[test]
fn a_feed_whose_return_nobody_has_looked_at_yet_is_heard_all_the_same() {
    let attach = told(ADAPTER, 10 * MS, attach(Slot::Amf3gpp));
    let mut known = after(std::slice::from_ref(&attach));
    let mut feeds = feeds(50 * MS);
    feeds.get_mut(id(ADAPTER)).unwrap().lost();
    let repeated = again(&attach, ADAPTER, 70 * MS);
    assert!(known.renewed_by(&repeated, &feeds));
    known.apply(&repeated);
    assert_eq!(confirmed(&known, &feeds, 100 * MS), Some(at(50 * MS)));
    see(feeds.get_mut(id(ADAPTER)).unwrap(), 70 * MS, 90 * MS);
    assert_eq!(confirmed(&known, &feeds, 100 * MS), Some(at(90 * MS)));
}

#[test]
fn an_absence_that_is_told_again_counts_for_every_feed_that_was_away() {
    let attach = told(COPIES, 10 * MS, attach(Slot::Mme));
    let purge = told(COPIES, 20 * MS, purge(Slot::Mme));
    let mut known = after(&[attach, purge.clone()]);
    let feeds = after_a_gap();
    assert_eq!(confirmed(&known, &feeds, 100 * MS), Some(at(50 * MS)));
    let repeated = again(&purge, COPIES, 80 * MS);
    assert!(known.renewed_by(&repeated, &feeds));
    known.apply(&repeated);
    assert_eq!(confirmed(&known, &feeds, 100 * MS), Some(at(90 * MS)));
    // All was told again meanwhile: then there is nothing to mend.
    let mut told_again = after_a_gap();
    told_again
        .get_mut(id(ADAPTER))
        .unwrap()
        .resynchronised(at(70 * MS));
    let known = after(&[told(COPIES, 10 * MS, lost(Slot::Mme)), purge.clone()]);
    assert!(!known.renewed_by(&repeated, &told_again));
}

#[test]
fn who_would_not_tell_of_a_change_renews_nothing() {
    let attach = told(ADAPTER, 10 * MS, attach(Slot::Mme));
    let known = after(std::slice::from_ref(&attach));
    let feeds = after_a_gap();
    assert!(!known.renewed_by(&again(&attach, COPIES, 80 * MS), &feeds));
    assert!(
        !known.renewed_by(&again(&attach, 3, 80 * MS), &feeds),
        "nobody known"
    );
    // But a fact that only such a one had told is worth hearing from who would.
    let copied = after(&[told(COPIES, 10 * MS, Change::clone(&attach.changes[0]))]);
    assert_eq!(confirmed(&copied, &feeds, 100 * MS), Some(at(10 * MS)));
    assert!(copied.renewed_by(&again(&attach, ADAPTER, 80 * MS), &feeds));
}

#[test]
fn what_was_told_years_ago_can_be_told_again() {
    const DAY: i64 = 86_400_000_000;
    let attach = told(ADAPTER, DAY, attach(Slot::Mme));
    let mut known = after(std::slice::from_ref(&attach));
    let mut feeds = feeds(300 * DAY);
    away(&mut feeds, ADAPTER, 300 * DAY, 301 * DAY, 400 * DAY);
    let repeated = again(&attach, ADAPTER, 301 * DAY);
    assert!(known.renewed_by(&repeated, &feeds));
    known.apply(&repeated);
    assert_eq!(confirmed(&known, &feeds, 500 * DAY), Some(at(400 * DAY)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_confirmed_time_never_runs_backwards_whoever_repeats_what(
        events in events_in(slots()),
        looks in looks(),
        repeated in prop::collection::vec((any::<prop::sample::Index>(), 0..4i16), 25),
    ) {
        let mut registrations = after(&events);
        let (mut feeds, mut now, mut last) = (feeds(1001), 1010, None);
        for (pair, (which, feed)) in looks.into_iter().zip(repeated) {
            for (number, what) in [COPIES, ADAPTER].into_iter().zip(pair) {
                look(feeds.get_mut(id(number)).unwrap(), what, now);
            }
            if !events.is_empty() {
                let repeated = again(which.get(&events), feed, now);
                let known = registrations.already_known(&repeated).is_some();
                if known && registrations.renewed_by(&repeated, &feeds) {
                    registrations.apply(&repeated);
                }
            }
            let confirmed = confirmed(&registrations, &feeds, now);
            prop_assert!(confirmed >= last, "{:?} after {:?}", confirmed, last);
            prop_assert!(confirmed <= Some(at(now)));
            last = confirmed;
            now += 10;
        }
    }
}
