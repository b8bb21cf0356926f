//! The races of a real network, one by one, as an engineer would tell them.

use super::*;

fn at(time: i64) -> Timestamp {
    Timestamp::from_micros(time).unwrap()
}

fn registered(slot: Slot, node: &str) -> Change {
    Change::Registered {
        slot,
        node: Node::parse(node).unwrap(),
        ends: Ends::default(),
    }
}

fn gone(slot: Slot, node: &str) -> Change {
    Change::Deregistered {
        slot,
        node: Node::parse(node).unwrap(),
    }
}

fn unreachable(slot: Slot, node: &str, until: Option<i64>) -> Change {
    Change::Unreachable {
        slot,
        node: Node::parse(node).unwrap(),
        until: until.map(at),
    }
}

fn reachable(slot: Slot, node: &str, until: Option<i64>) -> Change {
    Change::Reachable {
        slot,
        node: Node::parse(node).unwrap(),
        until: until.map(at),
    }
}

/// Applies changes at their times and tells the outcome of the last.
fn story(changes: &[(i64, Change)]) -> (Registrations, Outcome) {
    let mut registrations = Registrations::default();
    let mut last = Outcome::Duplicate;
    for (time, change) in changes {
        let imsi = Imsi::parse("999010000000001").unwrap();
        last = registrations
            .apply(&Event::new(imsi.into(), at(*time), at(10_000), [change.clone()]))
            .outcome;
    }
    (registrations, last)
}

fn answer(changes: &[(i64, Change)]) -> (Status, Option<Timestamp>) {
    let answer = story(changes).0.reachability(at(1000));
    (answer.status, answer.last_status_time)
}

#[test]
fn an_attach_is_connected_data_since_the_attach() {
    assert_eq!(
        answer(&[(10, registered(Slot::Mme, "a"))]),
        (Status::ConnectedData, Some(at(10)))
    );
}

#[test]
fn a_late_purge_by_the_old_mme_leaves_the_new_one_alone() {
    let changes = [
        (10, registered(Slot::Mme, "a")),
        (20, registered(Slot::Mme, "b")),
        (30, gone(Slot::Mme, "a")),
    ];
    assert_eq!(answer(&changes), (Status::ConnectedData, Some(at(20))));
    assert_eq!(story(&changes).1, Outcome::NotHolder);
}

#[test]
fn a_purge_by_the_current_mme_disconnects() {
    let changes = [(10, registered(Slot::Mme, "a")), (30, gone(Slot::Mme, "a"))];
    assert_eq!(answer(&changes), (Status::NotConnected, Some(at(30))));
    assert_eq!(story(&changes).1, Outcome::Applied);
}

#[test]
fn a_purge_and_an_attach_of_the_same_moment_are_a_purge_on_both_sides() {
    let attach = (10, registered(Slot::Mme, "a"));
    let purge = (10, gone(Slot::Mme, "a"));
    assert_eq!(answer(&[attach.clone(), purge.clone()]).0, Status::NotConnected);
    assert_eq!(answer(&[purge, attach]).0, Status::NotConnected);
}

#[test]
fn of_two_attaches_of_the_same_moment_the_greater_name_holds() {
    let (a, b) = ((10, registered(Slot::Mme, "a")), (10, registered(Slot::Mme, "b")));
    for changes in [[a.clone(), b.clone()], [b, a]] {
        let (registrations, _) = story(&changes);
        assert_eq!(
            registrations.holder(Slot::Mme).map(|holder| holder.node.as_str()),
            Some("b")
        );
    }
}

#[test]
fn sms_alone_dates_from_the_later_of_sms_coming_and_data_going() {
    let msc = (10, registered(Slot::Msc, "msc"));
    assert_eq!(
        answer(std::slice::from_ref(&msc)),
        (Status::ConnectedSms, Some(at(10)))
    );
    let changes = [msc, (20, registered(Slot::Mme, "a")), (30, gone(Slot::Mme, "a"))];
    assert_eq!(answer(&changes), (Status::ConnectedSms, Some(at(30))));
}

#[test]
fn an_mme_beside_an_msc_gives_both_connectivities() {
    let (registrations, _) = story(&[
        (10, registered(Slot::Msc, "msc")),
        (20, registered(Slot::Mme, "a")),
    ]);
    let answer = registrations.reachability(at(1000));
    assert_eq!(
        (answer.status, answer.data, answer.sms),
        (Status::ConnectedData, true, true)
    );
    assert_eq!(answer.last_status_time, Some(at(20)));
}

#[test]
fn single_registration_in_lte_ends_the_sgsn() {
    let ends = Ends {
        other_eps_half: true,
        amf_3gpp: false,
    };
    let lte = Change::Registered {
        slot: Slot::Mme,
        node: Node::parse("a").unwrap(),
        ends,
    };
    let (registrations, _) = story(&[(10, registered(Slot::Sgsn, "s")), (20, lte)]);
    assert_eq!(
        registrations.state(Slot::Sgsn, at(99)),
        SlotState::Deregistered(at(20))
    );
    let (registrations, _) = story(&[
        (10, registered(Slot::Sgsn, "s")),
        (20, registered(Slot::Mme, "a")),
    ]);
    assert_eq!(registrations.state(Slot::Sgsn, at(99)), SlotState::Up(at(10)));
}

#[test]
fn an_smsf_counts_only_while_its_amf_is_not_known_to_be_gone() {
    let smsf = (10, registered(Slot::Smsf3gpp, "smsf"));
    assert_eq!(
        answer(std::slice::from_ref(&smsf)),
        (Status::ConnectedSms, Some(at(10)))
    );
    let changes = [
        smsf,
        (11, registered(Slot::Amf3gpp, "amf")),
        (20, gone(Slot::Amf3gpp, "amf")),
    ];
    assert_eq!(answer(&changes), (Status::NotConnected, Some(at(20))));
    let other_access = [
        changes[0].clone(),
        (12, registered(Slot::AmfNon3gpp, "amf")),
        (20, gone(Slot::AmfNon3gpp, "amf")),
    ];
    assert_eq!(answer(&other_access), (Status::ConnectedSms, Some(at(20))));
}

#[test]
fn sms_in_mme_ends_when_the_subscriber_moves_to_an_mme_without_it() {
    let at_a = [
        (10, registered(Slot::Mme, "a")),
        (11, registered(Slot::MmeSms, "a")),
    ];
    assert!(story(&at_a).0.reachability(at(1000)).sms);
    let moved = [at_a[0].clone(), at_a[1].clone(), (20, registered(Slot::Mme, "b"))];
    let answer = story(&moved).0.reachability(at(1000));
    assert_eq!((answer.data, answer.sms), (true, false));
}

#[test]
fn removal_of_sms_in_mme_leaves_data_alone() {
    let changes = [
        (10, registered(Slot::Mme, "a")),
        (11, registered(Slot::MmeSms, "a")),
        (20, gone(Slot::MmeSms, "a")),
    ];
    let answer = story(&changes).0.reachability(at(1000));
    assert_eq!((answer.data, answer.sms), (true, false));
}

#[test]
fn unreachable_is_not_deregistered_and_ends_with_its_announced_return() {
    let lost = [
        (10, registered(Slot::Mme, "a")),
        (20, unreachable(Slot::Mme, "a", Some(50))),
    ];
    let (registrations, _) = story(&lost);
    assert_eq!(
        registrations.state(Slot::Mme, at(49)),
        SlotState::Unreachable(at(20))
    );
    assert_eq!(registrations.state(Slot::Mme, at(50)), SlotState::Up(at(50)));
    let back = [
        lost[0].clone(),
        lost[1].clone(),
        (30, reachable(Slot::Mme, "a", None)),
    ];
    assert_eq!(answer(&back), (Status::ConnectedData, Some(at(30))));
}

#[test]
fn limited_availability_ends_when_it_said() {
    let awake = [
        (10, registered(Slot::Mme, "a")),
        (20, reachable(Slot::Mme, "a", Some(40))),
    ];
    let (registrations, _) = story(&awake);
    assert_eq!(registrations.state(Slot::Mme, at(39)), SlotState::Up(at(20)));
    assert_eq!(
        registrations.state(Slot::Mme, at(40)),
        SlotState::Unreachable(at(40))
    );
}

#[test]
fn a_report_by_the_old_node_after_a_move_is_ignored() {
    let changes = [
        (10, registered(Slot::Mme, "a")),
        (20, registered(Slot::Mme, "b")),
        (30, unreachable(Slot::Mme, "a", None)),
    ];
    assert_eq!(answer(&changes), (Status::ConnectedData, Some(at(20))));
    assert_eq!(story(&changes).1, Outcome::NotHolder);
}

#[test]
fn a_node_that_reaches_the_subscriber_serves_it_even_if_nobody_registered() {
    let reached = (10, reachable(Slot::Amf3gpp, "amf", None));
    assert_eq!(
        answer(std::slice::from_ref(&reached)),
        (Status::ConnectedData, Some(at(10)))
    );
    let lost = [reached, (20, unreachable(Slot::Amf3gpp, "amf", None))];
    assert_eq!(answer(&lost), (Status::NotConnected, Some(at(20))));
}

#[test]
fn a_lone_loss_or_purge_may_come_from_the_node_that_was_left_and_tells_nothing() {
    for change in [unreachable(Slot::Mme, "a", None), gone(Slot::Mme, "a")] {
        assert_eq!(
            answer(&[(10, change)]),
            (Status::Unknown(UnknownReason::NoHistory), None)
        );
    }
}

#[test]
fn what_is_reported_of_a_path_without_a_node_is_true_of_whoever_serves_it() {
    // Nobody is known to serve it: somebody does.
    let found = (10, reachable(Slot::Msc, "*", None));
    assert_eq!(
        answer(std::slice::from_ref(&found)),
        (Status::ConnectedSms, Some(at(10)))
    );
    let lost = [found, (20, unreachable(Slot::Msc, "*", None))];
    assert_eq!(answer(&lost), (Status::NotConnected, Some(at(20))));
    // Somebody is known.
    let known = [
        (10, registered(Slot::Msc, "msc")),
        (20, unreachable(Slot::Msc, "*", None)),
    ];
    assert_eq!(answer(&known), (Status::NotConnected, Some(at(20))));
    assert_eq!(story(&known).1, Outcome::Applied);
    let back = [
        known[0].clone(),
        known[1].clone(),
        (30, reachable(Slot::Msc, "*", None)),
    ];
    assert_eq!(answer(&back), (Status::ConnectedSms, Some(at(30))));
    // What was lost at the old node is not lost at the new one.
    let moved = [
        known[0].clone(),
        known[1].clone(),
        (30, registered(Slot::Msc, "other")),
    ];
    assert_eq!(answer(&moved), (Status::ConnectedSms, Some(at(30))));
}

#[test]
fn a_lone_loss_of_whoever_serves_data_is_known_and_of_whoever_serves_sms_is_not() {
    for slot in [Slot::Mme, Slot::Sgsn, Slot::Amf3gpp, Slot::AmfNon3gpp] {
        let lost = (10, unreachable(slot, "*", None));
        assert_eq!(
            answer(std::slice::from_ref(&lost)),
            (Status::NotConnected, Some(at(10))),
            "{slot}"
        );
        let until = [(10, unreachable(slot, "*", Some(20)))];
        assert_eq!(
            answer(&until),
            (Status::Unknown(UnknownReason::NoHistory), None),
            "{slot}"
        );
        let back = [lost.clone(), (30, registered(slot, "a"))];
        assert_eq!(answer(&back), (Status::ConnectedData, Some(at(30))), "{slot}");
        // It may be that of a registration which is heard of later.
        let before = [lost, (5, registered(slot, "a"))];
        assert_eq!(answer(&before), (Status::NotConnected, Some(at(10))), "{slot}");
    }
    for slot in Slot::SMS.into_iter().chain([Slot::Session]) {
        let lost = [(10, unreachable(slot, "*", None))];
        assert_eq!(
            answer(&lost),
            (Status::Unknown(UnknownReason::NoHistory), None),
            "{slot}"
        );
    }
}

#[test]
fn sms_by_an_untold_path_lasts_until_a_loss_that_it_may_have_meant() {
    let found = (20, reachable(Slot::AnySms, "*", None));
    assert_eq!(
        answer(std::slice::from_ref(&found)),
        (Status::ConnectedSms, Some(at(20)))
    );
    // Back by another way after a purge.
    let purged = [
        (5, registered(Slot::Mme, "a")),
        (10, gone(Slot::Mme, "a")),
        found.clone(),
    ];
    assert_eq!(answer(&purged), (Status::ConnectedSms, Some(at(20))));
    // Gone altogether.
    let purged = [
        (5, registered(Slot::Mme, "a")),
        found.clone(),
        (30, gone(Slot::Mme, "a")),
    ];
    assert_eq!(answer(&purged), (Status::NotConnected, Some(at(30))));
    // A delivery through the MSC fails.
    let failed = [
        (5, reachable(Slot::Msc, "*", None)),
        found.clone(),
        (30, unreachable(Slot::Msc, "*", None)),
    ];
    assert_eq!(answer(&failed), (Status::NotConnected, Some(at(30))));
    // An attach in LTE ends the SGSN; the device is not lost with it.
    let lte = Change::Registered {
        slot: Slot::Mme,
        node: Node::parse("a").unwrap(),
        ends: Ends {
            other_eps_half: true,
            amf_3gpp: true,
        },
    };
    let attached = [(5, registered(Slot::Sgsn, "s")), found, (30, lte)];
    let answer = story(&attached).0.reachability(at(1000));
    assert_eq!((answer.data, answer.sms), (true, true));
}

#[test]
fn data_stands_while_one_of_several_sessions_stands() {
    let two = [
        (10, registered(Slot::Session, "s1")),
        (20, registered(Slot::Session, "s2")),
    ];
    let one_gone = [two[0].clone(), two[1].clone(), (30, gone(Slot::Session, "s2"))];
    assert_eq!(answer(&one_gone), (Status::ConnectedData, Some(at(10))));
    let both_gone = [
        one_gone[0].clone(),
        one_gone[1].clone(),
        one_gone[2].clone(),
        (40, gone(Slot::Session, "s1")),
    ];
    assert_eq!(answer(&both_gone), (Status::NotConnected, Some(at(40))));
}

#[test]
fn of_sessions_that_are_over_few_are_remembered_and_the_newest_tells_since_when() {
    let mut changes = vec![(1, registered(Slot::Session, "standing"))];
    for n in 1..40 {
        let name = format!("s{n}");
        changes.push((10 * n, registered(Slot::Session, &name)));
        changes.push((10 * n + 5, gone(Slot::Session, &name)));
        // Nobody saw this one begin.
        changes.push((10 * n + 6, gone(Slot::Session, &format!("lone{n}"))));
    }
    let (registrations, _) = story(&changes);
    assert_eq!(registrations.iter().count(), 1 + Registrations::MAX_OVER);
    assert_eq!(answer(&changes).0, Status::ConnectedData);
    changes.push((900, gone(Slot::Session, "standing")));
    assert_eq!(answer(&changes), (Status::NotConnected, Some(at(900))));
    // What was told late about the last one does not bring it back.
    changes.push((391, registered(Slot::Session, "s39")));
    changes.push((392, registered(Slot::Session, "lone39")));
    assert_eq!(answer(&changes), (Status::NotConnected, Some(at(900))));
}

#[test]
fn sessions_of_which_only_the_end_was_seen_do_not_push_out_the_one_that_the_answer_rests_on() {
    let mut changes = vec![(1, registered(Slot::Session, "s")), (5, gone(Slot::Session, "s"))];
    changes.extend((10..30).map(|time| (time, gone(Slot::Session, &format!("lone{time}")))));
    assert_eq!(answer(&changes), (Status::NotConnected, Some(at(5))));
}

#[test]
fn outcomes_tell_duplicates_stale_facts_and_news_apart() {
    let attach = (20, registered(Slot::Mme, "a"));
    assert_eq!(story(&[attach.clone(), attach.clone()]).1, Outcome::Duplicate);
    assert_eq!(
        story(&[attach.clone(), (10, registered(Slot::Mme, "a"))]).1,
        Outcome::Stale
    );
    assert_eq!(
        story(&[attach.clone(), (10, registered(Slot::Mme, "b"))]).1,
        Outcome::Stale
    );
    assert_eq!(
        story(&[attach.clone(), (30, registered(Slot::Mme, "a"))]).1,
        Outcome::Applied
    );
    assert_eq!(story(&[attach, (10, gone(Slot::Mme, "a"))]).1, Outcome::Stale);
}

#[test]
fn an_effect_tells_which_of_several_changes_stand() {
    let mut registrations = story(&[(10, registered(Slot::Mme, "a"))]).0;
    let imsi = Imsi::parse("999010000000001").unwrap();
    let purge = [gone(Slot::Mme, "a"), gone(Slot::Sgsn, "a")];
    let effect = registrations.apply(&Event::new(imsi.into(), at(20), at(20), purge));
    assert_eq!(effect.outcome, Outcome::Applied);
    assert_eq!(
        (effect.stands(0), effect.stands(1), effect.stands(99)),
        (true, false, false)
    );
}

#[test]
fn a_source_with_a_slightly_fast_clock_keeps_its_order_and_a_wild_one_is_taken_back() {
    let imsi = Imsi::parse("999010000000001").unwrap();
    let minute = 60_000_000;
    let event = |time: i64| Event::new(imsi.into(), at(time), at(1000), [registered(Slot::Mme, "a")]);
    assert_eq!(event(1000 + minute).event_time, at(1000 + minute));
    assert_eq!(event(1001 + minute).event_time, at(1000));
}
