//! Targets come and go.

use super::*;
use crate::diameter::apps::Monitored;

#[test]
fn a_target_is_asked_about_once_with_all_its_aspects() {
    let mut world = World::new(settings());
    world.add(&number(1));
    assert_eq!(states(&world, &number(1)), [Wanted; 3]);
    world.ask();
    assert_eq!(states(&world, &number(1)), [Asking; 3]);
    world.pass(10);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.sent[0].aspects(), Aspect::ALL);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    let begun = world.sent[0].at / 1_000_000;
    for begin in &world.sent[0].question.begin {
        assert_eq!(begin.until, begun + i64::from(DAY));
        assert!(begin.replaces.is_empty());
    }
    let references: Vec<_> = world
        .held_of(&number(1))
        .iter()
        .map(|(_, reference)| *reference)
        .collect();
    assert_eq!(references, [1, 2, 3]);
}

#[test]
fn a_reference_stands_for_its_target_from_before_it_is_sent() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.add(&group(1));
    world.ask();
    for (reference, aspect) in (1..).zip(Aspect::ALL) {
        let who = number(1).subscriber().unwrap();
        assert_eq!(
            world.plan.monitored(reference),
            Monitored::Subscriber(who, aspect)
        );
    }
    world.pass(1);
    assert_eq!(world.plan.monitored(4), Monitored::Group(Aspect::Loss));
    assert_eq!(world.plan.monitored(7), Monitored::Unknown);
    assert_eq!(world.plan.monitored(1 << 32 | 1), Monitored::Unknown);
    assert_eq!(world.plan.monitored(0), Monitored::Unknown);
}

#[test]
fn nothing_can_be_told_before_everything_is_loaded() {
    let mut plan = Plan::new(Some(settings()));
    assert_eq!(plan.monitored(1), Monitored::Unavailable);
    let now = Timestamp::from_micros(world::BEGIN).unwrap();
    assert_eq!(plan.next(now), None);
    assert_eq!(plan.wake_at(now), None);
    plan.loaded(1, now);
    assert_eq!(plan.monitored(1), Monitored::Unknown);
}

#[test]
fn a_plan_without_settings_asks_nothing_and_knows_what_was_asked() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    let mut plan = Plan::new(None);
    world.stored.values().for_each(|row| plan.load(row.clone()));
    plan.loaded(100, world.time());
    assert!(matches!(plan.monitored(1), Monitored::Subscriber(..)));
    assert_eq!(plan.next(Timestamp::MAX), None);
    assert_eq!(plan.wake_at(world.time()), None);
}

#[test]
fn adding_again_changes_nothing() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    assert_eq!(world.plan.add(number(1), world.time()), Added::Unchanged);
    world.pass(600);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn a_target_that_was_never_asked_about_is_forgotten_at_once() {
    let mut world = World::new(settings());
    assert!(!world.remove(&number(1)));
    world.add(&number(1));
    assert!(world.remove(&number(1)));
    assert_eq!(world.plan.status(&number(1)), None);
    assert!(world.stored.is_empty());
    world.pass(100);
    assert!(world.sent.is_empty());
}

#[test]
fn a_target_that_is_removed_is_ended_at_the_hss_first() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    assert!(world.remove(&number(1)));
    assert_eq!(states(&world, &number(1)), [Ending; 3]);
    assert_eq!(
        world.plan.monitored(1),
        Monitored::Ended,
        "a last report is no error"
    );
    world.pass(5);
    assert_eq!(world.sent[1].question.begin.len(), 0);
    assert_eq!(world.sent[1].question.end.as_slice(), [1, 2, 3]);
    assert!(world.held.is_empty() && world.stored.is_empty());
    assert_eq!(world.plan.status(&number(1)), None);
    // Reports that were on their way are understood for a while.
    assert_eq!(world.plan.monitored(1), Monitored::Ended);
    world.add(&number(2));
    world.pass(i64::from(LATE) + 10);
    world.ask();
    assert_eq!(world.plan.monitored(1), Monitored::Unknown);
}

#[test]
fn an_end_is_tried_until_it_is_done_or_everything_has_ended_by_itself() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    world.manner = Box::new(|_, _| world::Reaction::Refuse(base_result(5012)));
    world.remove(&number(1));
    world.pass(3600);
    assert!(world.sent.len() > 3);
    assert_eq!(states(&world, &number(1)), [Ending; 3]);
    world.restart();
    assert_eq!(states(&world, &number(1)), [Ending; 3]);
    world.pass(i64::from(DAY));
    assert_eq!(world.plan.status(&number(1)), None);
    assert!(world.stored.is_empty());
}

#[test]
fn an_end_of_what_the_hss_does_not_know_is_the_end() {
    for result in [experimental(5514), experimental(5001)] {
        let mut world = World::new(settings());
        world.add(&number(1));
        world.pass(5);
        world.manner = Box::new(move |_, _| world::Reaction::Refuse(result));
        world.remove(&number(1));
        world.pass(5);
        assert_eq!(world.sent.len(), 2);
        assert_eq!(world.plan.status(&number(1)), None);
    }
}

#[test]
fn a_target_that_is_removed_while_it_is_asked_about_is_ended_afterwards() {
    let mut world = World::new(settings());
    world.latency = 3_000_000;
    world.add(&number(1));
    world.ask();
    world.remove(&number(1));
    world.pass(1);
    assert_eq!(world.sent.len(), 1, "not two questions at a time");
    world.pass(10);
    assert_eq!(world.sent[1].question.end.len(), 3);
    assert!(world.held.is_empty());
    assert_eq!(world.plan.status(&number(1)), None);
}

#[test]
fn a_target_that_is_wanted_again_before_it_was_ended_goes_on_as_it_was() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    world.remove(&number(1));
    assert_eq!(world.plan.add(number(1), world.time()), Added::Again);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    world.pass(100);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn a_target_that_is_wanted_again_while_it_is_being_ended_is_asked_for_anew() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    world.latency = 3_000_000;
    world.remove(&number(1));
    world.ask();
    assert_eq!(world.sent.len(), 2);
    world.add(&number(1));
    world.pass(10);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    assert_eq!(world.held_of(&number(1)).len(), 3);
    assert_eq!(world.sent.len(), 3);
    world.restart();
    assert_eq!(states(&world, &number(1)), [Active; 3]);
}

#[test]
fn a_target_that_is_wanted_again_after_an_end_without_an_answer_is_asked_for_anew() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    world.manner = Box::new(|_, _| world::Reaction::TakeInSilence);
    world.remove(&number(1));
    world.pass(12);
    assert!(world.held.is_empty());
    assert_eq!(states(&world, &number(1)), [Ending; 3]);
    world.manner = Box::new(|_, _| world::Reaction::Take);
    world.add(&number(1));
    world.pass(5);
    assert_eq!(world.held_of(&number(1)).len(), 3);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
}

#[test]
fn places_of_forgotten_targets_are_used_again_only_when_nothing_can_be_mistaken() {
    let mut world = World::new(settings());
    for round in 0..3 {
        world.add(&number(round));
        world.pass(2);
        world.remove(&number(round));
        world.pass(2);
    }
    assert_eq!(world.plan.entries.len(), 3);
    world.pass(i64::from(LATE));
    world.add(&number(9));
    assert_eq!(world.plan.entries.len(), 3);
}
