//! Anything may happen: targets come and go, the HSS refuses, loses, forgets and reports, the daemon dies. A seed that
//! fails is named.

use super::world::{Manner, Reaction};
use super::*;
use crate::diameter::apps::s6t::Notice;
use crate::diameter::peer::timer::Random;

struct Chance(Random);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next() % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn trouble(seed: u64) -> Manner {
    let mut chance = Chance(Random::new(seed));
    Box::new(move |_, _| match chance.below(12) {
        0 => Reaction::Refuse(base_result(5012)),
        1 => Reaction::Refuse(base_result(3004)),
        2 => Reaction::TakeInSilence,
        3 => Reaction::Lose,
        4 => Reaction::NoPeer,
        5 => Reaction::TakeBut(vec![(Aspect::Data, base_result(5006))]),
        _ => Reaction::Take,
    })
}

fn run(seed: u64) {
    let mut chance = Chance(Random::new(seed));
    let mut world = World::new(Settings {
        duration: 4000,
        renew_before: 900,
        rate: 20,
        in_flight: 5,
    });
    world.manner = trouble(seed ^ 0xabcd);
    let target = |n: u64| if n.is_multiple_of(5) { group(n) } else { number(n) };
    let mut wanted = BTreeSet::new();
    for _ in 0..300 {
        match chance.below(10) {
            0..=2 => {
                let target = target(chance.below(12));
                world.add(&target);
                wanted.insert(target);
            }
            3 => {
                let target = target(chance.below(12));
                world.remove(&target);
                wanted.remove(&target);
            }
            4 | 5 => {
                // A report, of something that the HSS holds, or held.
                let held: Vec<_> = world
                    .held
                    .iter()
                    .map(|(reference, of)| (*reference, of.1))
                    .collect();
                if let Some((reference, aspect)) = held.get(chance.below(held.len().max(1) as u64) as usize) {
                    let notice = match (aspect, chance.below(4)) {
                        (Aspect::Sms, _) => {
                            world.held.remove(reference);
                            Notice::Reported((*reference).into())
                        }
                        (_, 0) => {
                            world.held.remove(reference);
                            Notice::Cancelled((*reference).into())
                        }
                        (_, 1) => Notice::Suspended((*reference).into()),
                        (_, 2) => Notice::Resumed((*reference).into()),
                        _ => Notice::Refused((*reference).into(), base_result(5006)),
                    };
                    world.plan.notice(&notice, world.time());
                    if !chance.one_in(8) {
                        world.save();
                    }
                }
            }
            6 if chance.one_in(3) => world.restart(),
            _ => {
                let seconds = chance.below(400) as i64;
                world.pass(seconds);
            }
        }
        world.check();
    }
    // Peace: everything that is wanted is held, once, and nothing else is.
    world.save();
    world.manner = Box::new(|_, _| Reaction::Take);
    world.pass(10_000);
    while wanted
        .iter()
        .any(|target| states(&world, target).contains(&Renewing))
    {
        world.pass(1);
    }
    for target in &wanted {
        assert_eq!(states(&world, target), [Active; 3], "{target:?}");
        let aspects: Vec<_> = world.held_of(target).iter().map(|(aspect, _)| *aspect).collect();
        assert_eq!(aspects, Aspect::ALL, "{target:?}");
    }
    assert_eq!(world.held.len(), 3 * wanted.len());
    assert_eq!(world.stored.len(), 3 * wanted.len());
    assert_eq!(world.plan.census(world.time()).targets, wanted.len() as u64);
    let (sent, held) = (world.sent.len(), world.held.len());
    world.restart();
    world.pass(60);
    assert!(world.sent.len() - sent <= wanted.len());
    assert_eq!(world.held.len(), held);
}

#[test]
fn whatever_happens_everything_wanted_is_watched_in_the_end_and_nothing_else() {
    for seed in 0..200 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        if let Err(cause) = outcome {
            eprintln!("seed {seed} fails");
            std::panic::resume_unwind(cause);
        }
    }
}
