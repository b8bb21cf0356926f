//! What reports say of what was asked.

use super::world::Reaction;
use super::*;
use crate::diameter::apps::s6t::Notice;
use crate::domain::Node;

/// A world with one active target, and its references.
fn active(target: &Target) -> (World, [u64; 3]) {
    let mut world = World::new(settings());
    world.add(target);
    world.pass(600);
    let held: Vec<u64> = world
        .held_of(target)
        .iter()
        .map(|(_, reference)| u64::from(*reference))
        .collect();
    let references = held.try_into().unwrap();
    assert_eq!(states(&world, target), [Active; 3]);
    (world, references)
}

impl World {
    /// A report comes; a one-time configuration is gone at the HSS with it.
    fn notice(&mut self, notice: Notice) -> bool {
        if let Notice::Reported(reference) | Notice::Cancelled(reference) = notice {
            self.held.remove(&(reference as u32));
        }
        let changed = self.plan.notice(&notice, self.time());
        self.save();
        changed
    }
}

/// "one-shot, subscribe again"
#[test]
fn what_is_reported_once_is_asked_for_again_at_once() {
    let (mut world, [_, _, sms]) = active(&number(1));
    assert!(world.notice(Notice::Reported(sms)));
    assert!(
        !world.notice(Notice::Reported(sms)),
        "a repetition changes nothing"
    );
    world.pass(1);
    assert_eq!(world.sent.len(), 2);
    assert_eq!(world.sent[1].aspects(), [Aspect::Sms]);
    assert!(
        world.sent[1].question.begin[0].replaces.is_empty(),
        "the HSS has forgotten it"
    );
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    assert!(
        !world.notice(Notice::Reported(sms)),
        "nor does one that comes late"
    );
    world.pass(10);
    assert_eq!(world.sent.len(), 2);
}

/// An HSS that reports at once while the device is there must not be asked for ever.
#[test]
fn what_is_reported_as_soon_as_it_is_asked_for_is_asked_for_ever_more_seldom() {
    let (mut world, [_, _, sms]) = active(&number(1));
    let mut sms = sms;
    let mut asked = Vec::new();
    for _ in 0..20 {
        world.notice(Notice::Reported(sms));
        let sent = world.sent.len();
        while world.sent.len() == sent {
            world.pass(1);
        }
        asked.push(world.elapsed());
        world.pass(1);
        sms = world.held_of(&number(1))[2].1.into();
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] <= 3, "{pauses:?}");
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert!((3600..3610).contains(pauses.last().unwrap()), "{pauses:?}");
    // Once it lasts, it is asked for at once again.
    world.pass(60);
    world.notice(Notice::Reported(sms));
    let sent = world.sent.len();
    world.pass(1);
    assert_eq!(world.sent.len(), sent + 1);
}

#[test]
fn a_report_that_overtakes_the_answer_counts() {
    let mut world = World::new(settings());
    world.latency = 3_000_000;
    world.add(&number(1));
    world.ask();
    let sms = world.held_of(&number(1))[2].1.into();
    assert!(world.notice(Notice::Reported(sms)));
    world.pass(4);
    assert_eq!(states(&world, &number(1)), [Active, Active, Asking]);
    world.pass(4);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    assert_eq!(world.sent.len(), 2);
    assert_eq!(world.held_of(&number(1)).len(), 3);
}

#[test]
fn the_members_of_a_group_report_before_it_is_asked_about_again() {
    let (mut world, [_, _, sms]) = active(&group(1));
    world.notice(Notice::Reported(sms));
    world.pass(800);
    assert_eq!(world.sent.len(), 1);
    world.pass(200);
    assert_eq!(world.sent.len(), 2);
}

/// "Event-Handling SUSPEND: state becomes unknown, not unreachable; RESUME: wait for the next report"
#[test]
fn a_suspended_configuration_is_known_as_such_and_still_renewed() {
    let (mut world, [loss, data, _]) = active(&number(1));
    assert!(world.notice(Notice::Suspended(loss)));
    assert!(world.notice(Notice::Suspended(data)));
    assert_eq!(states(&world, &number(1)), [Suspended, Suspended, Active]);
    assert!(world.notice(Notice::Resumed(data)));
    assert_eq!(states(&world, &number(1)), [Suspended, Active, Active]);
    world.restart();
    assert_eq!(states(&world, &number(1)), [Suspended, Active, Active]);
    assert!(!world.notice(Notice::Resumed(data)));
    world.pass(i64::from(DAY - HOUR));
    assert_eq!(states(&world, &number(1)), [Active; 3]);
}

/// "CANCEL: forget the reference and re-subscribe if wanted."
#[test]
fn a_cancelled_configuration_is_asked_for_again() {
    let (mut world, [loss, ..]) = active(&number(1));
    assert!(world.notice(Notice::Cancelled(loss)));
    world.pass(1);
    assert_eq!(world.sent[1].aspects(), [Aspect::Loss]);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    // Unless it is not allowed any more.
    world.pass(60);
    let loss = world.held_of(&number(1))[0].1.into();
    world.manner = Box::new(|_, _| Reaction::Refuse(experimental(5510)));
    world.notice(Notice::Cancelled(loss));
    world.pass(1);
    assert_eq!(states(&world, &number(1)), [Failed, Active, Active]);
}

#[test]
fn a_subscriber_whose_events_are_all_cancelled_is_asked_about_again() {
    let (mut world, _) = active(&number(1));
    world.add(&number(2));
    world.pass(5);
    world.held.clear();
    world.notice(Notice::AllCancelled(number(1).subscriber().unwrap()));
    world.pass(5);
    assert_eq!(world.held_of(&number(1)).len(), 3);
    assert!(world.held_of(&number(2)).is_empty());
}

#[test]
fn what_was_refused_is_asked_for_again_once_authorisations_changed() {
    let mut world = World::new(settings());
    world.manner = Box::new(|_, _| Reaction::Refuse(experimental(5511)));
    world.add(&number(1));
    world.pass(5);
    world.manner = Box::new(|_, _| Reaction::Take);
    assert!(world.notice(Notice::AuthorisationChanged(number(1).subscriber().unwrap())));
    world.pass(5);
    assert_eq!(states(&world, &number(1)), [Active; 3]);
    assert!(!world.notice(Notice::AuthorisationChanged(number(1).subscriber().unwrap())));
}

#[test]
fn what_a_node_cannot_do_fails_or_is_asked_for_later() {
    let (mut world, [loss, data, _]) = active(&number(1));
    world.notice(Notice::Refused(loss, experimental(5511)));
    assert_eq!(states(&world, &number(1)), [Failed, Active, Active]);
    world.notice(Notice::Refused(data, base_result(5006)));
    assert_eq!(states(&world, &number(1)), [Failed, Wanted, Active]);
    assert_eq!(
        world.plan.status(&number(1)).unwrap()[1]
            .result
            .map(|result| result.code),
        Some(5006)
    );
    world.pass(2);
    assert_eq!(world.sent.len(), 1, "not at once");
    world.pass(10);
    assert_eq!(world.sent[1].question.begin[0].replaces.as_slice(), [data as u32]);
    assert_eq!(states(&world, &number(1)), [Failed, Active, Active]);
}

#[test]
fn notices_about_what_nobody_knows_change_nothing() {
    let (mut world, [_, _, sms]) = active(&number(1));
    for reference in [0, 999, 1 << 40] {
        for notice in [
            Notice::Reported(reference),
            Notice::Cancelled(reference),
            Notice::Suspended(reference),
        ] {
            assert!(!world.notice(notice));
        }
    }
    assert!(!world.notice(Notice::AllCancelled(number(7).subscriber().unwrap())));
    world.remove(&number(1));
    assert!(!world.notice(Notice::Reported(sms)), "it is being ended");
    world.pass(5);
    assert!(world.stored.is_empty());
}

/// "HSS/UDM restart: no state change; re-create own subscriptions"
#[test]
fn what_an_hss_may_have_lost_is_asked_for_again_at_the_rate() {
    let mut world = World::new(settings());
    for n in 0..100 {
        world.add(&number(n));
    }
    world.pass(20);
    assert_eq!(world.sent.len(), 100);
    let host = Node::parse("hss1.home.example").unwrap();
    let told = |state| Notice::State {
        host: host.clone(),
        state,
    };
    world.notice(told(7));
    world.pass(20);
    assert_eq!(world.sent.len(), 100, "the first state tells nothing");
    world.held.clear();
    world.notice(told(8));
    world.pass(5);
    world.check();
    assert!(world.sent.len() < 160);
    world.pass(20);
    assert_eq!(world.sent.len(), 200);
    assert_eq!(world.held.len(), 300);
    world.notice(told(8));
    world.pass(20);
    assert_eq!(world.sent.len(), 200);
    // It may tell so in another way.
    world.notice(Notice::Reset { host: host.clone() });
    world.notice(Notice::Reset { host: host.clone() });
    world.pass(30);
    assert_eq!(world.sent.len(), 300);
    // Or be a peer, and connect anew with a greater state; what else connects anew was never asked.
    world.plan.restarted(&host, 9);
    world.plan.restarted(&host, 9);
    world
        .plan
        .restarted(&Node::parse("mme1.home.example").unwrap(), 2);
    world.pass(30);
    assert_eq!(world.sent.len(), 400);
}

#[test]
fn an_hss_that_lost_what_it_knew_says_nothing_of_what_another_answered_for() {
    let mut world = World::new(settings());
    let [one, other] = ["hss1", "hss2"].map(|name| Node::parse(name).unwrap());
    for n in 0..3000 {
        let place = world.plan.add(number(n), world.time());
        assert_eq!(place, Added::New);
    }
    world.save();
    for (n, entry) in world.plan.entries.iter_mut().enumerate() {
        let entry = entry.as_mut().unwrap();
        entry.hss = if n < 1500 { 1 } else { 2 };
        for part in &mut entry.parts {
            part.state = Active;
            part.due = NEVER;
        }
    }
    world.plan.queue.clear();
    for entry in world.plan.entries.iter_mut().flatten() {
        entry.queued = None;
    }
    assert_eq!(
        (world.plan.hosts.number(&one), world.plan.hosts.number(&other)),
        (1, 2)
    );
    for state in [1, 2] {
        world.plan.notice(
            &Notice::State {
                host: other.clone(),
                state,
            },
            world.time(),
        );
    }
    let now = world.time();
    let mut steps = 0;
    while world.plan.is_renewing_what_was_lost() {
        world.plan.renew_what_was_lost(seconds(now));
        steps += 1;
    }
    assert_eq!(steps, 2, "in steps, so that nobody waits for long");
    assert_eq!(world.plan.queue.len(), 1500);
}
