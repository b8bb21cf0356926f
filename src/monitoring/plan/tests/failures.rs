//! Refusals, silence, and nobody to ask.

use super::world::Reaction;
use super::*;
use crate::domain::NetworkResult;

#[test]
fn what_is_refused_for_good_is_recorded_and_asked_for_again_only_when_told_to() {
    let mut world = World::new(settings());
    world.manner = Box::new(|_, _| Reaction::Refuse(experimental(5001)));
    world.add(&number(1));
    world.pass(i64::from(DAY) * 3);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(states(&world, &number(1)), [Failed; 3]);
    let unknown = NetworkResult {
        vendor: 10415,
        code: 5001,
    };
    assert!(
        world
            .plan
            .status(&number(1))
            .unwrap()
            .iter()
            .all(|part| part.result == Some(unknown))
    );
    let refused = Aspect::ALL.map(|aspect| (aspect, unknown, 1)).to_vec();
    assert_eq!(world.plan.census(world.time()).refused, refused);
    world.restart();
    world.pass(100);
    assert_eq!(states(&world, &number(1)), [Failed; 3]);
    assert_eq!(world.sent.len(), 1);

    world.manner = Box::new(|_, _| Reaction::Take);
    assert_eq!(world.plan.add(number(1), world.time()), Added::Again);
    world.pass(5);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    assert_eq!(world.plan.census(world.time()).refused, []);
}

#[test]
fn one_aspect_may_be_refused_while_the_others_are_taken() {
    let mut world = World::new(settings());
    world.manner = Box::new(|_, _| Reaction::TakeBut(vec![(Aspect::Data, experimental(5511))]));
    world.add(&number(1));
    world.pass(60);
    assert_eq!(states(&world, &number(1)), [Active, Failed, Active]);
    assert_eq!(world.sent.len(), 1);
    // Its renewal leaves the refused one alone.
    world.manner = Box::new(|_, _| Reaction::Take);
    world.pass(i64::from(DAY - HOUR));
    assert_eq!(world.sent[1].aspects(), [Aspect::Loss, Aspect::Sms]);
}

/// "back-off on transient errors (3004, 5012, 5513, no peer)"
#[test]
fn what_may_succeed_later_is_asked_for_with_growing_pauses_under_the_same_reference() {
    for result in [
        base_result(5012),
        experimental(5513),
        base_result(5006),
        base_result(3002),
    ] {
        let mut world = World::new(settings());
        world.manner = Box::new(move |_, _| Reaction::Refuse(result));
        world.add(&number(1));
        world.pass(4000);
        let pauses: Vec<_> = world
            .sent
            .windows(2)
            .map(|pair| (pair[1].at - pair[0].at) / 1_000_000)
            .collect();
        assert_eq!(pauses[..9], [5, 10, 20, 40, 80, 160, 320, 640, 900], "{result:?}");
        let first = &world.sent[0].question.begin;
        for sent in &world.sent {
            let same = sent.question.begin.iter().zip(first);
            assert!(same.into_iter().all(|(a, b)| a.reference == b.reference));
        }
        world.manner = Box::new(|_, _| Reaction::Take);
        world.pass(1000);
        assert_eq!(states(&world, &number(1)), [Active; 3]);
        assert!(
            world
                .plan
                .status(&number(1))
                .unwrap()
                .iter()
                .all(|part| part.result.is_none())
        );
    }
}

#[test]
fn one_target_that_fails_does_not_hold_up_the_others() {
    let mut world = World::new(settings());
    world.manner = Box::new(|question, _| match question.target == number(0) {
        true => Reaction::Refuse(base_result(5012)),
        false => Reaction::Take,
    });
    for n in 0..50 {
        world.add(&number(n));
    }
    world.pass(7);
    for n in 1..50 {
        assert_eq!(states(&world, &number(n)), [Active; 3]);
    }
}

#[test]
fn nobody_to_ask_pauses_everything_and_spends_no_attempt() {
    for manner in [|| Reaction::NoPeer, || Reaction::Refuse(base_result(3004))] {
        let mut world = World::new(settings());
        world.manner = Box::new(move |_, _| manner());
        for n in 0..50 {
            world.add(&number(n));
        }
        world.pass(600);
        let asked = world.sent.len();
        // Pauses of eight seconds, with a handful of questions in each gap.
        assert!((60..=4 * 80).contains(&asked), "{asked}");
        world.manner = Box::new(|_, _| Reaction::Take);
        world.pass(20);
        for n in 0..50 {
            assert_eq!(states(&world, &number(n)), [Active; 3], "{n}");
        }
    }
}

#[test]
fn an_answer_that_was_lost_does_no_harm() {
    let mut world = World::new(settings());
    world.manner = Box::new(|_, _| Reaction::TakeInSilence);
    world.add(&number(1));
    world.pass(12);
    let held = world.held_of(&number(1));
    assert_eq!(held.len(), 3);
    world.manner = Box::new(|_, _| Reaction::Take);
    world.pass(10);
    assert_eq!(world.held_of(&number(1)), held, "the same references");
    assert_eq!(states(&world, &number(1)), [Active; 3]);
}

#[test]
fn a_renewal_that_is_refused_leaves_the_old_configuration_until_it_ends() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    let held = world.held_of(&number(1));
    world.manner = Box::new(|_, _| Reaction::Refuse(experimental(5510)));
    world.pass(i64::from(DAY - HOUR) + 60);
    assert_eq!(states(&world, &number(1)), [Failed; 3]);
    assert_eq!(world.held_of(&number(1)), held);
    world.check();
    for (_, reference) in held {
        let monitored = world.plan.monitored(reference.into());
        assert!(matches!(monitored, Monitored::Subscriber(..)));
    }
    // Asked for again before it ends, it is replaced.
    world.manner = Box::new(|_, _| Reaction::Take);
    world.add(&number(1));
    world.pass(5);
    assert_eq!(world.held_of(&number(1)).len(), 3);
}

/// 5514 CONFIGURATION_EVENT_NON_EXISTANT: what was to be replaced is not there.
#[test]
fn what_is_not_there_to_be_replaced_is_left_out_the_next_time() {
    let mut world = World::new(settings());
    world.add(&number(1));
    world.pass(5);
    world.held.clear();
    world.manner =
        Box::new(
            |question, _| match question.begin.iter().any(|begin| !begin.replaces.is_empty()) {
                true => Reaction::Refuse(experimental(5514)),
                false => Reaction::Take,
            },
        );
    world.pass(i64::from(DAY - HOUR) + 5);
    assert_eq!(world.sent.len(), 3);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    assert_eq!(world.held_of(&number(1)).len(), 3);
}
