//! Rate, periods and renewal.

use std::collections::HashMap;

use super::*;

#[test]
fn many_targets_are_asked_about_at_the_rate_each_once() {
    let mut world = World::new(settings());
    for n in 0..500 {
        world.add(&number(n));
    }
    world.pass(60);
    world.check();
    assert_eq!(world.sent.len(), 500);
    let seconds = (world.sent[499].at - world.sent[0].at) / 1_000_000;
    assert!((49..=51).contains(&seconds), "{seconds}");
    for n in 0..500 {
        assert_eq!(states(&world, &number(n)), [Active; 3]);
    }
}

#[test]
fn no_more_are_under_way_than_allowed() {
    let mut world = World::new(Settings {
        rate: 1000,
        in_flight: 3,
        ..settings()
    });
    world.latency = 1_000_000;
    for n in 0..12 {
        world.add(&number(n));
    }
    world.ask();
    assert_eq!(world.sent.len(), 3);
    assert_eq!(
        world.plan.wake_at(world.time()),
        None,
        "an answer has to come first"
    );
    world.pass(1);
    world.ask();
    assert_eq!(world.sent.len(), 6);
    world.pass(3);
    assert_eq!(world.sent.len(), 12);
}

#[test]
fn every_target_is_configured_exactly_once_per_period_and_never_without() {
    let mut world = World::new(settings());
    let targets: Vec<_> = (0..40).map(number).collect();
    for target in &targets {
        world.add(target);
    }
    world.pass(60);
    let period = i64::from(DAY - HOUR);
    for day in 1..=5 {
        while world.elapsed() < day * period + 60 {
            world.pass(300);
            world.check();
            for target in &targets {
                assert_eq!(world.held_of(target).len(), 3, "no gap and nothing twice");
            }
        }
        let mut asked: HashMap<_, usize> = HashMap::new();
        for sent in &world.sent {
            *asked.entry(sent.question.target.clone()).or_default() += 1;
        }
        for target in &targets {
            assert_eq!(asked[target] as i64, day + 1);
        }
    }
}

/// "renew before it expires with a new reference id; carry the old one in SCEF-Reference-ID-for-Deletion in the same CIR"
#[test]
fn a_renewal_replaces_the_old_reference_by_a_new_one() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    let before = world.held_of(&number(1));
    world.pass(i64::from(DAY - HOUR) - 30);
    assert_eq!(world.sent.len(), 1);
    world.latency = 5_000_000;
    world.pass(28);
    assert_eq!(states(&world, &number(1)), [Renewing; 3]);
    let old: Vec<_> = before.iter().map(|(_, reference)| *reference).collect();
    let replaced: Vec<_> = world.sent[1]
        .question
        .begin
        .iter()
        .map(|begin| begin.replaces.to_vec())
        .collect();
    assert_eq!(replaced, [vec![old[0]], vec![old[1]], vec![old[2]]]);
    world.pass(10);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    let after = world.held_of(&number(1));
    assert!(after.iter().all(|entry| !before.contains(entry)));
    // A report under the old reference that is still on its way counts (race 29).
    for reference in old {
        let monitored = world.plan.monitored(reference.into());
        assert!(matches!(monitored, Monitored::Subscriber(..)));
    }
}

#[test]
fn what_expired_while_nobody_could_be_asked_is_asked_for_without_replacing_anything() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    world.manner = Box::new(|_, _| world::Reaction::NoPeer);
    world.pass(i64::from(DAY) + 600);
    assert!(world.held.is_empty());
    world.manner = Box::new(|_, _| world::Reaction::Take);
    world.pass(30);
    let last = world.sent.last().unwrap();
    assert!(last.question.begin.iter().all(|begin| begin.replaces.is_empty()));
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    assert_eq!(world.held_of(&number(1)).len(), 3);
}

#[test]
fn renewals_that_fall_close_together_travel_together() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(20);
    // One aspect is a little younger than the others.
    let (_, sms) = world.held_of(&number(1))[2];
    world.held.remove(&sms);
    world.plan.notice(
        &crate::diameter::apps::s6t::Notice::Reported(sms.into()),
        world.time(),
    );
    world.pass(10);
    assert_eq!(world.sent.len(), 2);
    world.pass(i64::from(DAY - HOUR));
    assert_eq!(world.sent.len(), 3);
    assert_eq!(world.sent[2].aspects(), Aspect::ALL);
}

#[test]
fn an_idle_plan_wakes_for_the_next_renewal_only() {
    let mut world = World::new(settings());
    assert_eq!(world.plan.wake_at(world.time()), None);
    world.add(&number(1));
    assert!(world.plan.wake_at(world.time()).unwrap() <= world.time());
    world.pass(5);
    let wake = world.plan.wake_at(world.time()).unwrap().as_micros();
    assert_eq!((wake - world::BEGIN) / 1_000_000, i64::from(DAY - HOUR));
}
