//! What is stored, and what a restart finds.

use super::world::Reaction;
use super::*;

#[test]
fn a_restart_loses_nothing_and_asks_nothing_twice() {
    let mut world = World::new(settings());
    for n in 0..20 {
        world.add(&number(n));
        world.add(&group(n));
    }
    world.pass(10);
    let (sent, held) = (world.sent.len(), world.held.clone());
    world.restart();
    let census = world.plan.census(world.time());
    assert_eq!((census.targets, census.lag), (40, 0));
    world.pass(3600);
    assert_eq!((world.sent.len(), &world.held), (sent, &held));
    world.pass(i64::from(DAY));
    assert_eq!(world.sent.len(), 2 * sent);
    assert_eq!(world.held.len(), 120);
}

/// "kill -9 between CIR and CIA is harmless"
#[test]
fn a_restart_between_question_and_answer_asks_again_under_the_same_reference() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.ask();
    let held = world.held_of(&number(1));
    world.restart();
    for (aspect, reference) in &held {
        let who = number(1).subscriber().unwrap();
        let expected = Monitored::Subscriber(who, *aspect);
        assert_eq!(world.plan.monitored((*reference).into()), expected);
    }
    world.pass(5);
    assert_eq!(world.held_of(&number(1)), held);
    assert_eq!(world.sent.len(), 2);
    // In a renewal as well.
    world.pass(i64::from(DAY - HOUR) - 10);
    world.latency = 10_000_000;
    world.pass(8);
    assert_eq!(states(&world, &number(1)), [Renewing; 3]);
    let held = world.held_of(&number(1));
    world.restart();
    assert_eq!(states(&world, &number(1)), [Renewing; 3]);
    world.pass(15);
    assert_eq!(world.held_of(&number(1)), held);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
}

#[test]
fn a_reference_that_never_left_is_not_used_for_anything_else() {
    let mut world = World::new(settings());
    world.add(&number(1));
    // Durable, but the daemon dies before it is sent.
    let ask = world.plan.next(world.time()).unwrap();
    world.save();
    world.restart();
    world.add(&number(2));
    world.pass(5);
    let first: Vec<_> = ask.question.begin.iter().map(|begin| begin.reference).collect();
    let held: Vec<_> = world
        .held_of(&number(1))
        .iter()
        .map(|(_, reference)| *reference)
        .collect();
    assert_eq!(held, first);
    assert!(
        world
            .held_of(&number(2))
            .iter()
            .all(|(_, reference)| !first.contains(reference))
    );
}

#[test]
fn a_target_that_is_forgotten_and_added_again_before_anything_was_written_is_stored() {
    let mut world = World::new(settings());
    world.add(&number(1));
    let now = world.time();
    world.plan.remove(&number(1), now);
    world.plan.add(number(1), now);
    world.save();
    assert_eq!(world.stored.len(), 3);
    world.plan.remove(&number(1), now);
    world.save();
    assert!(world.stored.is_empty());
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.manner = Box::new(|_, _| Reaction::NoPeer);
    world.pass(5);
    let revision = world.plan.revision();
    world.pass(100);
    assert!(world.sent.len() > 5);
    assert_eq!(world.plan.revision(), revision);
    assert!(world.plan.take_dirty(100, world.time()).is_empty());
}

#[test]
fn the_census_counts_what_the_entries_say() {
    let mut world = World::new(settings());
    world.manner = Box::new(|question, _| match question.target {
        Target::Group(_) => Reaction::Refuse(experimental(5510)),
        _ => Reaction::Take,
    });
    for n in 0..5 {
        world.add(&number(n));
        world.add(&group(n));
    }
    world.pass(5);
    world.add(&number(100));
    for round in 0..2 {
        let census = world.plan.census(world.time());
        assert_eq!(census.targets, 11);
        let count = |state| {
            let of_state = census.states.iter().filter(|(_, of, _)| *of == state);
            of_state.map(|(_, _, count)| count).collect::<Vec<_>>()
        };
        assert_eq!(count(Active), [&5, &5, &5], "{round}");
        assert_eq!(count(Failed), [&5, &5, &5], "{round}");
        assert_eq!(count(Wanted), [&1, &1, &1], "{round}");
        let total: u64 = census.states.iter().map(|(_, _, count)| count).sum();
        assert_eq!(total, 33, "{round}");
        assert_eq!(census.refused.len(), 3);
        world.restart();
    }
}

/// Some 200 octets for a target with three references.
#[test]
fn many_targets_fit_into_modest_memory() {
    let mut plan = Plan::new(Some(settings()));
    let now = Timestamp::from_micros(world::BEGIN).unwrap();
    let rows = 30_000;
    for n in 0..rows {
        for (reference, aspect) in (1..).zip(Aspect::ALL) {
            plan.load(crate::store::MonitoringRow {
                target: number(n),
                aspect,
                state: Active,
                reference: n as u32 * 3 + reference,
                replaced: 0,
                expires_at: Some(now.plus(std::time::Duration::from_secs(3600 + n))),
                result: None,
                changed_at: now,
            });
        }
    }
    plan.loaded(rows * 3 + 1, now);
    let per_target = size_of::<Option<Entry>>() // once: the table grows by doubling, at most twice that
        + 3 * size_of::<(u32, Owner)>()
        + 5 // place and control octet in the table of targets
        + 16; // place in the queue
    assert!(per_target < 200, "{per_target}");
    assert_eq!(plan.references.len() as u64, rows * 3);
    assert_eq!(plan.queue.len() as u64, rows);
    assert!(plan.dirty.is_empty());
}
