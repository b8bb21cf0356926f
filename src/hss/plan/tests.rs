//! A plan under virtual time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{ExternalIdentifier, Msisdn, Node};
use crate::store::SubscriptionRow;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_769_860_800_000_000)
        .unwrap()
        .plus(Duration::from_secs(seconds))
}

fn user(n: u64) -> User {
    User::Msisdn(Msisdn::parse(&format!("999{n:08}")).unwrap())
}

fn settings() -> Settings {
    Settings {
        topics: vec![Topic::Reachability],
        duration: Duration::from_secs(24 * HOUR),
        renew_before: Duration::from_secs(2 * HOUR),
        rate: 1000,
        in_flight: 100,
    }
}

fn plan_of(settings: Settings) -> Plan {
    let mut plan = Plan::new(settings);
    plan.loaded(at(0));
    plan
}

fn plan() -> Plan {
    plan_of(settings())
}

fn taken() -> Outcome {
    Outcome::Taken { expires: None }
}

fn refused(code: u32) -> NetworkResult {
    NetworkResult { vendor: 10415, code }
}

/// The one question there is.
fn one(plan: &mut Plan, now: Timestamp) -> Ask {
    let ask = plan.next(now).unwrap();
    assert_eq!(plan.next(now), None);
    ask
}

fn state(plan: &Plan, n: u64) -> Option<SubscriptionState> {
    plan.status(&user(n)).first().map(|status| status.state)
}

/// A plan in which user 1 is subscribed to since second 0.
fn subscribed() -> Plan {
    let mut plan = plan();
    plan.add(&user(1), at(0));
    let ask = one(&mut plan, at(0));
    plan.answered(&ask, taken(), None, at(0));
    plan
}

#[test]
fn a_user_that_is_added_is_asked_about_once_and_then_subscribed_to() {
    let mut plan = plan();
    assert_eq!(plan.add(&user(1), at(0)), Added::New);
    assert_eq!(plan.add(&user(1), at(0)), Added::Unchanged);
    let ask = one(&mut plan, at(0));
    assert_eq!(
        ask,
        Ask {
            user: user(1),
            topic: Topic::Reachability,
            until: Some(at(24 * HOUR))
        }
    );
    assert_eq!(
        (state(&plan, 1), plan.under_way()),
        (Some(SubscriptionState::Wanted), 1)
    );
    plan.answered(&ask, taken(), None, at(1));
    assert_eq!(
        (state(&plan, 1), plan.under_way()),
        (Some(SubscriptionState::Active), 0)
    );
    assert_eq!(plan.next(at(HOUR)), None);
}

#[test]
fn a_subscription_is_renewed_before_its_end_and_the_hss_may_make_it_short() {
    let mut plan = subscribed();
    assert_eq!(plan.wake_at(at(0)), Some(at(22 * HOUR)));
    assert_eq!(plan.next(at(22 * HOUR - 1)), None);
    let ask = one(&mut plan, at(22 * HOUR));
    assert_eq!(
        state(&plan, 1),
        Some(SubscriptionState::Active),
        "it still stands"
    );
    let expires = Some(at(23 * HOUR));
    plan.answered(&ask, Outcome::Taken { expires }, None, at(22 * HOUR));
    assert_eq!(plan.status(&user(1))[0].expires, expires);
    assert_eq!(plan.wake_at(at(22 * HOUR)), Some(at(22 * HOUR + 30 * MINUTE)));
    // One that is over at once is not asked for without a pause.
    let ask = one(&mut plan, at(23 * HOUR));
    let expires = Some(at(HOUR));
    plan.answered(&ask, Outcome::Taken { expires }, None, at(23 * HOUR));
    assert_eq!(plan.wake_at(at(23 * HOUR)), Some(at(23 * HOUR + 5)));
    // An HSS that promises more than was asked for is not relied on.
    let ask = one(&mut plan, at(24 * HOUR));
    let expires = Some(at(1000 * HOUR));
    plan.answered(&ask, Outcome::Taken { expires }, None, at(24 * HOUR));
    assert_eq!(plan.status(&user(1))[0].expires, Some(at(48 * HOUR)));
}

#[test]
fn after_a_notification_it_is_asked_for_again_at_once() {
    let mut plan = subscribed();
    plan.used_up(&user(1).subscriber(), at(HOUR));
    assert_eq!(state(&plan, 1), Some(SubscriptionState::Wanted));
    let ask = one(&mut plan, at(HOUR));
    assert_eq!(ask.until, Some(at(25 * HOUR)));
    // A notification while the answer is under way: the HSS was faster than its answer.
    plan.used_up(&user(1).subscriber(), at(HOUR + 1));
    assert_eq!(plan.next(at(HOUR + 1)), None);
    plan.answered(&ask, taken(), None, at(HOUR + 1));
    one(&mut plan, at(HOUR + 1));
}

#[test]
fn notifications_of_what_is_not_subscribed_to_ask_for_nothing() {
    let mut plan = subscribed();
    plan.used_up(&user(2).subscriber(), at(HOUR));
    assert_eq!(plan.next(at(HOUR)), None);
    assert_eq!(plan.subscribed(&user(2).subscriber()), Some(false));
}

#[test]
fn a_user_that_is_reachable_all_the_time_is_asked_about_ever_more_seldom() {
    let mut plan = subscribed();
    let mut asked = 0;
    for now in 1..3 * HOUR {
        // The HSS tells a second after it was asked, and once before it has even answered.
        plan.used_up(&user(1).subscriber(), at(now));
        if let Some(ask) = plan.next(at(now)) {
            asked += 1;
            if asked == 3 {
                plan.used_up(&user(1).subscriber(), at(now));
            }
            plan.answered(&ask, taken(), None, at(now));
        }
    }
    assert!((10..30).contains(&asked), "{asked}");
    // Quiet for a while, and the next is answered at once again.
    let mut plan = subscribed();
    plan.used_up(&user(1).subscriber(), at(HOUR));
    assert!(plan.next(at(HOUR)).is_some());
}

#[test]
fn what_is_refused_for_good_waits_until_it_is_added_again() {
    let mut plan = plan();
    plan.add(&user(1), at(0));
    let ask = one(&mut plan, at(0));
    plan.answered(&ask, Outcome::Refused(refused(5101)), None, at(0));
    let status = plan.status(&user(1))[0];
    assert_eq!(
        (status.state, status.result),
        (SubscriptionState::Failed, Some(refused(5101)))
    );
    assert_eq!(plan.next(at(100 * HOUR)), None);
    assert_eq!(plan.add(&user(1), at(100 * HOUR)), Added::Again);
    assert_eq!(plan.status(&user(1))[0].result, None);
    one(&mut plan, at(100 * HOUR));
}

#[test]
fn what_is_refused_for_now_is_asked_for_again_after_pauses_that_grow() {
    let mut plan = plan();
    plan.add(&user(1), at(0));
    let mut now = at(0);
    let mut pauses = Vec::new();
    for _ in 0..14 {
        let ask = one(&mut plan, now);
        plan.answered(&ask, Outcome::NotNow(refused(4100)), None, now);
        let next = plan.wake_at(now).unwrap();
        pauses.push(next.since(now).as_secs());
        now = next;
    }
    assert_eq!(pauses[..5], [5, 10, 20, 40, 80]);
    assert_eq!(pauses[12..], [3600, 3600]);
    assert_eq!(plan.status(&user(1))[0].result, Some(refused(4100)));
    let ask = one(&mut plan, now);
    plan.answered(&ask, taken(), None, now);
    assert_eq!(plan.status(&user(1))[0].result, None);
}

#[test]
fn while_nobody_answers_everybody_waits() {
    let mut plan = plan();
    for n in 0..3 {
        plan.add(&user(n), at(0));
    }
    let asks: Vec<_> = std::iter::from_fn(|| plan.next(at(0))).collect();
    assert_eq!(asks.len(), 3);
    for ask in &asks {
        plan.answered(ask, Outcome::Unanswered, None, at(1));
    }
    plan.add(&user(9), at(1));
    assert_eq!(plan.next(at(1)), None);
    let wake = plan.wake_at(at(1)).unwrap();
    assert!(wake > at(1) && wake < at(2));
    let ask = plan.next(wake).unwrap();
    assert_eq!(ask.user, user(9), "whoever has waited longest for its turn");
}

#[test]
fn whoever_could_not_be_asked_about_for_want_of_a_peer_waits_for_that_and_no_longer() {
    let mut plan = plan();
    plan.add(&user(1), at(0));
    let mut now = at(0);
    for _ in 0..6 {
        let ask = one(&mut plan, now);
        plan.answered(&ask, Outcome::NoPeer, None, now);
        assert_eq!(state(&plan, 1), Some(SubscriptionState::Wanted));
        let wake = plan.wake_at(now).unwrap();
        assert!(
            wake.since(now) <= Duration::from_secs(8),
            "the pause, and nothing of its own"
        );
        now = wake;
    }
    let ask = one(&mut plan, now);
    plan.answered(&ask, taken(), None, now);
    assert_eq!(state(&plan, 1), Some(SubscriptionState::Active));
}

#[test]
fn a_renewal_that_fails_leaves_what_stands_until_it_is_over() {
    let mut plan = subscribed();
    let mut now = at(22 * HOUR);
    while now < at(25 * HOUR) {
        if let Some(ask) = plan.next(now) {
            plan.answered(&ask, Outcome::Unanswered, None, now);
            let expected = if now < at(24 * HOUR) {
                SubscriptionState::Active
            } else {
                SubscriptionState::Wanted
            };
            assert_eq!(state(&plan, 1), Some(expected));
        }
        now = plan.wake_at(now).unwrap();
    }
}

#[test]
fn a_user_that_is_removed_is_ended_at_the_hss_and_then_forgotten() {
    let mut plan = subscribed();
    assert!(plan.remove(&user(1), at(HOUR)));
    assert!(!plan.remove(&user(1), at(HOUR)));
    assert_eq!(
        plan.subscribed(&user(1).subscriber()),
        Some(false),
        "late notifications are refused"
    );
    let ask = one(&mut plan, at(HOUR));
    assert_eq!(ask.until, None);
    plan.answered(&ask, taken(), None, at(HOUR));
    assert_eq!((state(&plan, 1), plan.next(at(100 * HOUR))), (None, None));
    assert!(!plan.remove(&user(1), at(HOUR)));
}

#[test]
fn an_end_that_nobody_confirms_is_given_up() {
    let mut plan = subscribed();
    plan.remove(&user(1), at(HOUR));
    let mut now = at(HOUR);
    for _ in 0..5 {
        let ask = one(&mut plan, now);
        assert_eq!(ask.until, None);
        plan.answered(&ask, Outcome::Unanswered, None, now);
        now = plan.wake_at(now).unwrap_or(now);
    }
    assert_eq!(state(&plan, 1), None);
    // One that the HSS never heard of has ended, too.
    let mut plan = subscribed();
    plan.remove(&user(1), at(HOUR));
    let ask = one(&mut plan, at(HOUR));
    plan.answered(&ask, Outcome::Refused(refused(5001)), None, at(HOUR));
    assert_eq!(state(&plan, 1), None);
}

#[test]
fn a_user_that_was_never_asked_about_is_forgotten_at_once() {
    let mut plan = plan();
    plan.add(&user(1), at(0));
    plan.remove(&user(1), at(0));
    assert_eq!((state(&plan, 1), plan.next(at(0))), (None, None));
    let batch = plan.take_dirty(10);
    assert_eq!((batch.rows.len(), batch.removed.len()), (0, 1));
}

#[test]
fn changes_of_mind_while_a_question_is_under_way_are_carried_out_after_it() {
    // Removed while it is subscribed to.
    let mut plan = plan();
    plan.add(&user(1), at(0));
    let ask = one(&mut plan, at(0));
    plan.remove(&user(1), at(0));
    assert_eq!(plan.next(at(0)), None, "never two questions at once");
    plan.answered(&ask, taken(), None, at(1));
    let ask = one(&mut plan, at(1));
    assert_eq!(ask.until, None);
    // Added again while it is ended.
    assert_eq!(plan.add(&user(1), at(1)), Added::Again);
    assert_eq!(plan.next(at(1)), None);
    plan.answered(&ask, taken(), None, at(2));
    let ask = one(&mut plan, at(2));
    assert!(ask.until.is_some());
    plan.answered(&ask, taken(), None, at(2));
    assert_eq!(state(&plan, 1), Some(SubscriptionState::Active));
}

#[test]
fn nothing_can_be_told_or_asked_before_everything_is_loaded() {
    let mut plan = Plan::new(settings());
    let row = |n, state, topic| SubscriptionRow {
        user: user(n),
        topic,
        state,
        expires_at: Some(at(HOUR)),
        result: (state == SubscriptionState::Failed).then(|| refused(5101)),
        changed_at: at(0),
    };
    plan.load(row(1, SubscriptionState::Active, Topic::Reachability), at(9));
    plan.load(row(2, SubscriptionState::Failed, Topic::Reachability), at(9));
    plan.load(row(3, SubscriptionState::Ending, Topic::Reachability), at(9));
    // What is subscribed to is configured anew.
    plan.load(row(4, SubscriptionState::Active, Topic::ImsState), at(9));
    assert_eq!(plan.subscribed(&user(1).subscriber()), None);
    assert_eq!((plan.next(at(9)), plan.wake_at(at(9))), (None, None));
    plan.loaded(at(9));
    assert_eq!(plan.subscribed(&user(1).subscriber()), Some(true));
    assert_eq!(plan.subscribed(&user(3).subscriber()), Some(false));
    let asks: BTreeMap<_, _> = std::iter::from_fn(|| plan.next(at(9)))
        .map(|ask| ((ask.user, ask.topic), ask.until.is_some()))
        .collect();
    let expected = [
        ((user(1), Topic::Reachability), true),
        ((user(3), Topic::Reachability), false),
        ((user(4), Topic::Reachability), true),
        ((user(4), Topic::ImsState), false),
    ];
    assert_eq!(asks, BTreeMap::from(expected));
}

#[test]
fn both_topics_are_subscribed_to_if_both_are_configured() {
    let mut plan = plan_of(Settings {
        topics: Topic::ALL.to_vec(),
        ..settings()
    });
    plan.add(&user(1), at(0));
    let topics: Vec<_> = std::iter::from_fn(|| plan.next(at(0)))
        .map(|ask| ask.topic)
        .collect();
    assert_eq!(topics, Topic::ALL);
    // A state is told again and again.
    let external = User::External(ExternalIdentifier::parse("meter@iot.example").unwrap());
    plan.used_up(&external.subscriber(), at(1));
    assert_eq!(plan.next(at(1)), None);
}

#[test]
fn no_more_leave_in_a_second_than_the_rate_and_no_more_are_under_way_than_may_be() {
    let mut plan = plan_of(Settings {
        rate: 10,
        in_flight: 3,
        ..settings()
    });
    for n in 0..100 {
        plan.add(&user(n), at(0));
    }
    let mut now = at(0);
    let mut under_way = Vec::new();
    let mut asked = Vec::new();
    while asked.len() < 50 {
        while let Some(ask) = plan.next(now) {
            asked.push(now);
            under_way.push(ask);
            assert!(under_way.len() <= 3);
        }
        match plan.wake_at(now) {
            Some(wake) => now = wake,
            None => {
                let ask = under_way.remove(0);
                plan.answered(&ask, taken(), None, now);
            }
        }
    }
    for (place, begin) in asked.iter().enumerate() {
        let within = asked[place..]
            .iter()
            .filter(|at| at.since(*begin) < Duration::from_secs(1))
            .count();
        assert!(within <= 10);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64),
    Remove(u64),
    UsedUp(u64),
    Ask,
    Answer(usize, u8),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..4u64).prop_map(Step::Add),
        1 => (0..4u64).prop_map(Step::Remove),
        1 => (0..4u64).prop_map(Step::UsedUp),
        3 => Just(Step::Ask),
        3 => (0..4usize, 0..5u8).prop_map(|(place, outcome)| Step::Answer(place, outcome)),
        1 => (1..20_000u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_store_can_tell_it_and_everybody_gets_where_they_belong(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut plan = plan();
        let mut now = 0;
        let mut under_way: Vec<Ask> = Vec::new();
        let mut wanted = BTreeSet::new();
        let mut stored = BTreeMap::new();
        for step in steps {
            match step {
                Step::Add(n) => {
                    plan.add(&user(n), at(now));
                    wanted.insert(n);
                }
                Step::Remove(n) => {
                    plan.remove(&user(n), at(now));
                    wanted.remove(&n);
                }
                Step::UsedUp(n) => plan.used_up(&user(n).subscriber(), at(now)),
                Step::Ask => under_way.extend(plan.next(at(now))),
                Step::Answer(place, outcome) if place < under_way.len() => {
                    let ask = under_way.remove(place);
                    let outcome = match outcome {
                        0 => Outcome::NotNow(refused(4100)),
                        1 => Outcome::Unanswered,
                        2 => Outcome::NoPeer,
                        _ => taken(),
                    };
                    plan.answered(&ask, outcome, None, at(now));
                }
                Step::Answer(..) => {}
                Step::Pass(seconds) => now += seconds,
            }
            for (place, ask) in under_way.iter().enumerate() {
                prop_assert!(!under_way[place + 1..].contains(ask), "two questions about one");
            }
            prop_assert_eq!(plan.under_way(), under_way.len());
            for n in 0..4 {
                prop_assert_eq!(plan.subscribed(&user(n).subscriber()), Some(wanted.contains(&n)));
            }
            let batch = plan.take_dirty(3);
            for row in batch.rows {
                stored.insert((row.user, row.topic), row.state);
            }
            for key in batch.removed {
                stored.remove(&key);
            }
        }
        // From here on everything is taken.
        for ask in std::mem::take(&mut under_way) {
            plan.answered(&ask, taken(), None, at(now));
        }
        for _ in 0..100 {
            while let Some(ask) = plan.next(at(now)) {
                plan.answered(&ask, taken(), None, at(now));
            }
            now += HOUR / 2;
        }
        loop {
            let batch = plan.take_dirty(3);
            if batch.is_empty() {
                break;
            }
            for row in batch.rows {
                stored.insert((row.user, row.topic), row.state);
            }
            for key in batch.removed {
                stored.remove(&key);
            }
        }
        let expected: BTreeMap<_, _> = wanted
            .iter()
            .map(|n| ((user(*n), Topic::Reachability), SubscriptionState::Active))
            .collect();
        prop_assert_eq!(stored, expected);
        let active = plan.counts().of(Topic::Reachability, SubscriptionState::Active);
        prop_assert_eq!(active, wanted.len() as u64);
    }
}

fn hss(n: u64) -> Node {
    Node::parse(&format!("hss{n}.home.example")).unwrap()
}

/// A plan in which users 1 to `most` are subscribed to since second 0, the odd ones at HSS 1, the even ones at HSS 2.
fn subscribed_at_two(most: u64) -> Plan {
    let mut plan = plan_of(Settings {
        rate: 1_000_000,
        in_flight: 1_000_000,
        ..settings()
    });
    for n in 1..=most {
        plan.add(&user(n), at(0));
    }
    let at_hss: BTreeMap<User, Node> = (1..=most).map(|n| (user(n), hss(2 - n % 2))).collect();
    while let Some(ask) = plan.next(at(0)) {
        plan.answered(&ask, taken(), at_hss.get(&ask.user), at(0));
    }
    plan
}

#[test]
fn what_an_hss_has_lost_is_asked_for_again_and_what_another_one_took_is_not() {
    let mut plan = subscribed_at_two(4);
    plan.reset(&hss(1), at(HOUR));
    assert_eq!(plan.wake_at(at(HOUR)), Some(at(HOUR)));
    plan.look_on(at(HOUR));
    let mut again: Vec<_> = std::iter::from_fn(|| plan.next(at(HOUR))).collect();
    again.sort_by_key(|ask| ask.user.clone());
    let users: Vec<_> = again.iter().map(|ask| ask.user.clone()).collect();
    assert_eq!(users, [user(1), user(3)]);
    for ask in &again {
        plan.answered(ask, taken(), Some(&hss(1)), at(HOUR + 1));
    }
    assert_eq!(state(&plan, 1), Some(SubscriptionState::Active));
    // Every serving node is told, and all of them may be copied here.
    plan.reset(&hss(1), at(HOUR + 2));
    plan.look_on(at(HOUR + 2));
    assert_eq!(plan.next(at(HOUR + 2)), None);
    assert!(plan.wake_at(at(HOUR + 2)) > Some(at(HOUR + 2)));
}

#[test]
fn an_hss_that_tells_a_greater_origin_state_id_has_lost_what_it_took() {
    let mut plan = subscribed_at_two(2);
    for (told, lost) in [(7, false), (7, false), (8, true), (8, false), (7, false)] {
        plan.told(&hss(1), told, at(HOUR));
        plan.look_on(at(HOUR));
        let ask = plan.next(at(HOUR));
        assert_eq!(ask.is_some(), lost, "{told}");
        if let Some(ask) = ask {
            assert_eq!(ask.user, user(1));
            plan.answered(&ask, taken(), Some(&hss(1)), at(HOUR));
        }
    }
}

#[test]
fn a_peer_that_restarts_has_lost_what_it_took_if_it_is_an_hss() {
    let mut plan = subscribed_at_two(2);
    plan.restarted(&Node::parse("mme1.home.example").unwrap(), 9, at(HOUR));
    plan.look_on(at(HOUR));
    assert_eq!(plan.next(at(HOUR)), None);
    plan.restarted(&hss(2), 9, at(HOUR));
    plan.look_on(at(HOUR));
    let ask = one(&mut plan, at(HOUR));
    assert_eq!(ask.user, user(2));
    plan.told(&hss(2), 9, at(HOUR + 1));
    plan.answered(&ask, taken(), Some(&hss(2)), at(HOUR + 1));
    plan.look_on(at(HOUR + 1));
    assert_eq!(plan.next(at(HOUR + 1)), None, "its answer tells nothing new");
}

#[test]
fn what_was_asked_before_a_loss_and_taken_after_it_is_asked_for_once_more() {
    let mut plan = plan();
    plan.add(&user(1), at(0));
    let ask = one(&mut plan, at(0));
    plan.reset(&hss(1), at(1));
    plan.look_on(at(1));
    plan.answered(&ask, taken(), Some(&hss(1)), at(2));
    let again = one(&mut plan, at(2));
    plan.answered(&again, taken(), Some(&hss(1)), at(3));
    assert_eq!(plan.next(at(3)), None);
    assert_eq!(state(&plan, 1), Some(SubscriptionState::Active));
}

#[test]
fn a_great_loss_is_looked_at_in_steps_and_everything_lost_is_asked_for_once() {
    let mut plan = subscribed_at_two(9000);
    plan.reset(&hss(2), at(HOUR));
    let mut steps = 0;
    while plan.losses.is_under_way() {
        plan.look_on(at(HOUR));
        steps += 1;
    }
    assert_eq!(steps, 5);
    let mut times = BTreeMap::<User, u32>::new();
    while let Some(ask) = plan.next(at(HOUR)) {
        *times.entry(ask.user.clone()).or_default() += 1;
        plan.answered(&ask, taken(), Some(&hss(2)), at(HOUR));
    }
    assert_eq!(times.len(), 4500);
    assert!(times.values().all(|times| *times == 1));
}
