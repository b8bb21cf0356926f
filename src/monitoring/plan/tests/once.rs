//! Questions that are asked once.

use proptest::prelude::*;

use super::*;
use crate::diameter::apps::s6t::Notice;
use crate::diameter::apps::s6t::cir::Question;
use crate::monitoring::plan::{LATE, LIFE, NotYet, Outcome};

fn world() -> World {
    World::new(settings())
}

/// Asks once, making durable what has to be.
fn ask(world: &mut World, target: &Target) -> Question {
    match world.plan.ask_once(target, world.time()) {
        Ok(question) => question,
        Err(NotYet::After(_)) => {
            world.save();
            world.plan.ask_once(target, world.time()).unwrap()
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn references(question: &Question) -> Vec<u32> {
    question.begin.iter().map(|one| one.reference).collect()
}

fn answered(result: Answered, refused: &[(u32, Answered)]) -> Outcome {
    Outcome::Answered {
        host: None,
        result,
        refused: refused.iter().copied().collect(),
    }
}

#[test]
fn numbers_are_set_aside_durably_before_the_first_of_them_is_given() {
    let mut world = world();
    let now = world.time();
    let Err(NotYet::After(revision)) = world.plan.ask_once(&number(1), now) else {
        panic!("nothing is durable yet");
    };
    let batch = world.plan.take_dirty(100, now);
    assert!(batch.set_aside && !batch.is_empty() && batch.rows.is_empty());
    assert!(batch.next_reference > 1000);
    assert_eq!(world.plan.ask_once(&number(1), now), Err(NotYet::After(revision)));
    world.plan.saved(revision - 1);
    assert_eq!(world.plan.ask_once(&number(1), now), Err(NotYet::After(revision)));
    world.plan.saved(revision);
    let question = world.plan.ask_once(&number(1), now).unwrap();
    assert_eq!(references(&question), [1, 2]);
    assert!(
        world.plan.take_dirty(100, now).is_empty(),
        "a question writes nothing"
    );
    let who = number(1).subscriber().unwrap();
    for (reference, aspect) in [(1, Aspect::Data), (2, Aspect::Sms)] {
        assert_eq!(
            world.plan.monitored(reference),
            Monitored::Once(who.clone(), aspect)
        );
    }
    assert!(
        question
            .begin
            .iter()
            .all(|one| one.once && one.replaces.is_empty())
    );
    assert_eq!(
        question.begin[0].until,
        now.as_micros() / 1_000_000 + i64::from(LIFE)
    );
    assert_eq!(world.plan.monitored(3), Monitored::Unknown, "it was not given");
}

#[test]
fn an_open_question_is_known_until_it_is_reported_on_or_lasts_no_longer() {
    let mut world = world();
    let question = ask(&mut world, &number(1));
    let [data, sms] = references(&question)[..] else {
        panic!()
    };
    let now = world.time();
    world
        .plan
        .answered_once(&question, &Outcome::Unanswered, &[], now);
    assert!(matches!(world.plan.monitored(data.into()), Monitored::Once(..)));
    assert!(
        !world.plan.notice(&Notice::Reported(data.into()), now),
        "nothing to store"
    );
    assert_eq!(world.plan.monitored(data.into()), Monitored::Ended);
    assert!(matches!(world.plan.monitored(sms.into()), Monitored::Once(..)));
    world.pass(i64::from(LIFE) + 1);
    ask(&mut world, &number(2));
    assert_eq!(world.plan.monitored(sms.into()), Monitored::Ended);
    world.pass(i64::from(LATE));
    ask(&mut world, &number(3));
    assert_eq!(
        world.plan.monitored(sms.into()),
        Monitored::Ended,
        "others after it are newer"
    );
    world.pass(i64::from(LIFE + LATE) + 1);
    let _ = world.plan.ask_once(&number(4), world.time());
    assert_eq!(world.plan.monitored(sms.into()), Monitored::Unknown);
}

#[test]
fn what_the_hss_did_not_keep_is_over_with_its_answer() {
    let mut world = world();
    let question = ask(&mut world, &number(1));
    let [data, sms] = references(&question)[..] else {
        panic!()
    };
    let now = world.time();
    let taken_but_one = answered(base_result(2001), &[(data, experimental(5511))]);
    world.plan.answered_once(&question, &taken_but_one, &[], now);
    assert_eq!(world.plan.monitored(data.into()), Monitored::Ended);
    assert!(matches!(world.plan.monitored(sms.into()), Monitored::Once(..)));
    let reported = [Notice::Reported(sms.into())];
    world
        .plan
        .answered_once(&question, &answered(base_result(2001), &[]), &reported, now);
    assert_eq!(world.plan.monitored(sms.into()), Monitored::Ended);
    for outcome in [
        answered(experimental(5001), &[]),
        answered(base_result(3004), &[]),
        Outcome::NoPeer,
    ] {
        let question = ask(&mut world, &number(1));
        world.plan.answered_once(&question, &outcome, &[], now);
        for reference in references(&question) {
            assert_eq!(
                world.plan.monitored(reference.into()),
                Monitored::Ended,
                "{outcome:?}"
            );
        }
    }
    // Whoever is erased is not reported on late.
    let question = ask(&mut world, &number(1));
    let other = ask(&mut world, &number(2));
    world.plan.forget_once(&number(1));
    let monitored = |question: &Question| world.plan.monitored(references(question)[0].into());
    assert_eq!(monitored(&question), Monitored::Ended);
    assert!(matches!(monitored(&other), Monitored::Once(..)));
}

#[test]
fn what_was_asked_once_before_a_restart_is_nobodys_and_its_numbers_are_not_given_again() {
    let mut world = world();
    let before = references(&ask(&mut world, &number(1)));
    world.restart();
    for reference in &before {
        assert_eq!(world.plan.monitored((*reference).into()), Monitored::Unknown);
    }
    let after = references(&ask(&mut world, &number(1)));
    assert!(after.iter().all(|reference| !before.contains(reference)));
    let mut closed = Plan::new(None);
    closed.loaded(1, world.time());
    assert_eq!(closed.ask_once(&number(1), world.time()), Err(NotYet::Closed));
    let mut loading = Plan::new(Some(settings()));
    assert_eq!(loading.ask_once(&number(1), world.time()), Err(NotYet::Closed));
}

#[test]
fn only_so_much_is_open_at_a_time() {
    let mut world = world();
    let mut asked = 0u64;
    let full = loop {
        match world.plan.ask_once(&number(asked), world.time()) {
            Ok(_) => asked += 1,
            Err(NotYet::After(_)) => world.save(),
            Err(NotYet::Full) => break true,
            Err(NotYet::Closed) => break false,
        }
        assert!(asked < 1 << 20);
    };
    assert!(full && asked >= 100_000, "{asked}");
    world.pass(i64::from(LIFE));
    ask(&mut world, &number(1));
}

#[test]
fn what_is_over_takes_no_room_from_what_is_open() {
    let mut world = world();
    let open = references(&ask(&mut world, &number(0)));
    let now = world.time();
    for n in 1..140_000 {
        let question = ask(&mut world, &number(n));
        world.plan.answered_once(&question, &Outcome::NoPeer, &[], now);
    }
    for reference in open {
        assert!(matches!(
            world.plan.monitored(reference.into()),
            Monitored::Once(..)
        ));
    }
    assert!(world.plan.once_places() < 3000, "{}", world.plan.once_places());
}

#[test]
fn numbers_go_on_where_they_begin_again_on_the_wire() {
    let mut plan = Plan::new(Some(settings()));
    let now = world().time();
    plan.loaded((1 << 32) - 3, now);
    let Err(NotYet::After(revision)) = plan.ask_once(&number(1), now) else {
        panic!()
    };
    plan.saved(revision);
    let questions = [1, 2, 3].map(|n| references(&plan.ask_once(&number(n), now).unwrap()));
    assert_eq!(
        questions,
        [[u32::MAX - 2, u32::MAX - 1], [u32::MAX, 1], [2, 3]],
        "0 is none"
    );
    for reference in questions.concat() {
        assert!(matches!(plan.monitored(reference.into()), Monitored::Once(..)));
        plan.notice(&Notice::Reported(reference.into()), now);
        assert_eq!(plan.monitored(reference.into()), Monitored::Ended);
    }
    for other in [0, 4, u32::MAX - 3] {
        assert_eq!(plan.monitored(other.into()), Monitored::Unknown);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u64),
    Watch(u64),
    Pass(i64),
    Save,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u64..20).prop_map(Step::Ask),
        2 => (0u64..20).prop_map(Step::Watch),
        2 => (0i64..2000).prop_map(Step::Pass),
        1 => Just(Step::Save),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn no_number_is_given_twice_whoever_it_is_for_and_whatever_crashes(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = world();
        let mut given = std::collections::HashSet::new();
        for step in steps {
            match step {
                Step::Ask(n) => {
                    for _ in 0..60 {
                        match world.plan.ask_once(&number(n), world.time()) {
                            Ok(question) => for reference in references(&question) {
                                prop_assert!(given.insert(reference), "{reference} twice");
                            },
                            Err(NotYet::After(_)) => world.save(),
                            Err(other) => prop_assert!(false, "{other:?}"),
                        }
                    }
                }
                Step::Watch(n) => world.add(&number(n)),
                Step::Pass(seconds) => world.pass(seconds),
                Step::Save => world.save(),
                Step::Restart => world.restart(),
            }
            for sent in world.sent.drain(..) {
                for reference in references(&sent.question) {
                    // A question that is repeated keeps its numbers.
                    prop_assert!(
                        !matches!(world.plan.monitored(reference.into()), Monitored::Once(..)),
                        "{reference} is watched and asked once"
                    );
                }
            }
        }
    }
}
