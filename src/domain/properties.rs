//! The promises of the domain, as properties over random events of one subscriber. Times, nodes and slots are few, so
//! that ties, moves and races happen all the time.

use proptest::prelude::*;

use super::*;

mod erasure;

pub(super) fn at(time: i64) -> Timestamp {
    Timestamp::from_micros(time).unwrap()
}

fn node(number: u8) -> Node {
    Node::parse(&format!("node{number}.example")).unwrap()
}

fn times() -> impl Strategy<Value = i64> {
    1..20i64
}

fn named() -> impl Strategy<Value = Node> {
    (1..4u8).prop_map(node)
}

fn nodes() -> impl Strategy<Value = Node> {
    prop_oneof![3 => named(), 1 => Just(Node::unnamed())]
}

pub(super) fn slots() -> impl Strategy<Value = Slot> {
    prop::sample::select(Slot::ALL.to_vec())
}

fn untils() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::weighted(0.3, times().prop_map(at))
}

fn changes_in(slots: impl Strategy<Value = Slot>) -> impl Strategy<Value = Change> {
    (slots, nodes(), 0..10u8, any::<(bool, bool)>(), untils()).prop_map(|(slot, node, kind, ends, until)| {
        match kind {
            0..4 => {
                let ends = Ends {
                    other_eps_half: ends.0 && ends.1,
                    amf_3gpp: ends.1,
                };
                Change::Registered { slot, node, ends }
            }
            4..6 => Change::Deregistered { slot, node },
            6 => Change::Reachable { slot, node, until },
            7 | 8 => Change::Unreachable { slot, node, until },
            _ => Change::Cleared { slot },
        }
    })
}

fn event(time: i64, changes: impl IntoIterator<Item = Change>) -> Event {
    let imsi = Imsi::parse("001010000000001").unwrap();
    Event::new(imsi.into(), at(time), at(1000), changes)
}

pub(super) fn events_in(slots: impl Strategy<Value = Slot>) -> impl Strategy<Value = Vec<Event>> {
    let one = (times(), 0..3i16, prop::collection::vec(changes_in(slots), 1..3));
    let told = |(time, feed, changes)| Event {
        feed: FeedId::from_number(feed).unwrap(),
        ..event(time, changes)
    };
    prop::collection::vec(one.prop_map(told), 0..14)
}

pub(super) fn after(events: &[Event]) -> Registrations {
    let mut registrations = Registrations::default();
    for event in events {
        registrations.apply(event);
    }
    registrations
}

/// Everything kept, in an order of its own.
fn state(registrations: &Registrations) -> (Vec<Registration>, Vec<Option<Timestamp>>) {
    let mut held: Vec<_> = registrations.iter().cloned().collect();
    held.sort_by(|a, b| (a.slot, &a.node).cmp(&(b.slot, &b.node)));
    (
        held,
        Slot::ALL
            .iter()
            .map(|slot| registrations.cleared_at(*slot))
            .collect(),
    )
}

/// Everything kept but for who told it: the same fact told again by another feed is no news.
fn said(registrations: &Registrations) -> (Vec<Registration>, Vec<Option<Timestamp>>) {
    let (mut held, cleared) = state(registrations);
    for registration in &mut held {
        registration.facts.source = Source::default();
    }
    (held, cleared)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_repetition_gives_the_same_state(
        (events, again) in events_in(slots()).prop_flat_map(|events| {
            let twice: Vec<_> = events.iter().chain(&events).cloned().collect();
            (Just(events), Just(twice).prop_shuffle())
        })
    ) {
        let (once, again) = (after(&events), after(&again));
        prop_assert_eq!(state(&once), state(&again));
    }

    #[test]
    fn joining_parts_gives_what_all_events_together_give(
        events in events_in(slots()), cut in 0..14usize
    ) {
        let (first, second) = events.split_at(cut.min(events.len()));
        let mut joined = after(second);
        joined.join_all(&after(first));
        prop_assert_eq!(state(&joined), state(&after(&events)));
    }

    #[test]
    fn rows_joined_per_node_give_what_the_events_give(events in events_in(slots())) {
        // What the store does: join per key, in whatever order, then load.
        let mut rows: Vec<(Slot, Option<Node>, Facts)> = Vec::new();
        for event in &events {
            for change in &event.changes {
                let (slot, node, facts) = event.facts(change);
                match rows.iter_mut().find(|row| row.0 == slot && row.1.as_ref() == node) {
                    Some(row) => row.2.join(&facts),
                    None => rows.push((slot, node.cloned(), facts)),
                }
            }
        }
        let mut loaded = Registrations::default();
        for (slot, node, facts) in rows.iter().rev() {
            loaded.join(*slot, node.as_ref(), facts);
        }
        prop_assert_eq!(state(&loaded), state(&after(&events)));
    }

    #[test]
    fn a_node_that_does_not_hold_the_slot_changes_nothing(
        events in events_in(slots()), slot in slots(), other in named(), time in 1..60i64, now in 30..60i64,
        report in any::<bool>(),
    ) {
        prop_assume!(!slot.is_shared());
        let mut registrations = after(&events);
        registrations.apply(&event(25, [Change::Registered { slot, node: node(9), ends: Ends::default() }]));
        let before = registrations.reachability(at(now));
        let late = if report {
            Change::Unreachable { slot, node: other, until: None }
        } else {
            Change::Deregistered { slot, node: other }
        };
        let outcome = registrations.apply(&event(time, [late])).outcome;
        prop_assert_ne!(outcome, Outcome::Applied);
        prop_assert_eq!(registrations.reachability(at(now)), before);
    }

    #[test]
    fn a_report_without_a_node_counts_as_if_the_holder_had_made_it(
        events in events_in(slots()), slot in slots(), time in 25..60i64, found in any::<bool>(),
        until in prop::option::weighted(0.3, (60..70i64).prop_map(at)), now in 60..70i64,
    ) {
        prop_assume!(!slot.is_shared());
        let register = event(25, [Change::Registered { slot, node: node(9), ends: Ends::default() }]);
        let report = |node| match found {
            true => Change::Reachable { slot, node, until },
            false => Change::Unreachable { slot, node, until },
        };
        let answer = |node| {
            let mut registrations = after(&events);
            registrations.apply(&register);
            registrations.apply(&event(time, [report(node)]));
            registrations.reachability(at(now))
        };
        prop_assert_eq!(answer(Node::unnamed()), answer(node(9)));
    }

    #[test]
    fn a_detach_older_than_the_registration_changes_nothing(
        events in events_in(slots()), slot in slots(), registered in 2..20i64, before in 1..19i64
    ) {
        let earlier = (registered - before).max(1);
        let mut registrations = after(&events);
        let register = Change::Registered { slot, node: node(9), ends: Ends::default() };
        registrations.apply(&event(registered, [register]));
        let before = registrations.reachability(at(50));
        let outcome = registrations.apply(&event(earlier, [Change::Deregistered { slot, node: node(9) }])).outcome;
        prop_assert_ne!(outcome, Outcome::Applied);
        prop_assert_eq!(registrations.reachability(at(50)), before);
    }

    #[test]
    fn sms_events_never_touch_data(
        events in events_in(slots()),
        sms in events_in(prop::sample::select(Slot::SMS.to_vec())),
        now in times(),
    ) {
        // `ends` of a registration is about data slots, and only MME and SGSN registrations carry it.
        let sms: Vec<_> = sms.into_iter().map(without_ends).collect();
        let before = after(&events).reachability(at(now));
        let both: Vec<_> = events.into_iter().chain(sms).collect();
        prop_assert_eq!(after(&both).reachability(at(now)).data, before.data);
    }

    #[test]
    fn data_events_never_touch_sms_by_msc_or_ip_sm_gw(
        events in events_in(prop::sample::select(vec![Slot::Msc, Slot::IpSmGw])),
        data in events_in(prop::sample::select(Slot::DATA.to_vec())),
        now in times(),
    ) {
        let events: Vec<_> = events.into_iter().map(without_ends).collect();
        let before = after(&events).reachability(at(now));
        let both: Vec<_> = events.into_iter().chain(data).collect();
        prop_assert_eq!(after(&both).reachability(at(now)).sms, before.sms);
    }

    #[test]
    fn idle_is_reachable(events in events_in(slots()), slot in slots(), idle in 0..1_000_000_000_000i64) {
        let mut registrations = after(&events);
        registrations.apply(&event(30, [Change::Registered { slot, node: node(1), ends: Ends::default() }]));
        prop_assert_eq!(registrations.state(slot, at(30 + idle)), SlotState::Up(at(30)));
    }

    #[test]
    fn nothing_known_is_unknown_and_never_not_connected(events in events_in(slots()), now in times()) {
        // Deregistrations and losses alone tell nothing: the subscriber may have moved on before anyone listened. Not so a
        // loss in a data slot that is reported of whoever serves it.
        let tells_nothing = |change: &Change| match change {
            Change::Deregistered { .. } => true,
            Change::Unreachable { slot, node, .. } => {
                !node.is_unnamed() || !slot.carries_data() || slot.is_shared()
            }
            _ => false,
        };
        let only_gone = events.iter().map(|event| Event {
            changes: event.changes.iter().filter(|change| tells_nothing(change)).cloned().collect(),
            ..event.clone()
        });
        let answer = after(&only_gone.collect::<Vec<_>>()).reachability(at(now));
        prop_assert_eq!(answer.status, Status::Unknown(UnknownReason::NoHistory));
        prop_assert_eq!((answer.last_status_time, answer.last_confirmed_time), (None, None));
    }

    #[test]
    fn after_a_loss_of_whoever_serves_data_its_slot_is_known_and_not_up(
        events in events_in(slots()), slot in prop::sample::select(vec![Slot::Mme, Slot::Sgsn, Slot::Amf3gpp, Slot::AmfNon3gpp]),
        time in 20..40i64, now in 40..60i64,
    ) {
        let lost = event(time, [Change::Unreachable { slot, node: Node::unnamed(), until: None }]);
        let mut with = after(&events);
        let before = with.state(slot, at(now));
        with.apply(&lost);
        // What ended stays ended.
        let expected = match before {
            SlotState::Deregistered(_) => before,
            _ => SlotState::Unreachable(at(time)),
        };
        prop_assert_eq!(with.state(slot, at(now)), expected);
    }

    #[test]
    fn the_time_is_the_networks_and_never_the_query_s(events in events_in(slots()), now in 20..40i64) {
        let answer = after(&events).reachability(at(now));
        let told: Vec<_> = events.iter().flat_map(|event| {
            let untils = event.changes.iter().filter_map(|change| match change {
                Change::Reachable { until, .. } | Change::Unreachable { until, .. } => *until,
                _ => None,
            });
            untils.chain([event.event_time])
        }).collect();
        if let Some(time) = answer.last_status_time {
            prop_assert!(told.contains(&time));
            prop_assert!(answer.last_confirmed_time <= Some(at(now)));
        }
        let known = !matches!(answer.status, Status::Unknown(_));
        prop_assert_eq!(known, answer.last_status_time.is_some());
        prop_assert_eq!(answer.data, answer.status == Status::ConnectedData);
    }

    #[test]
    fn time_alone_changes_no_answer_before_its_next_change(events in events_in(slots()), now in 1..30i64) {
        let registrations = after(&events);
        let next = registrations.next_change(at(now));
        prop_assert!(next.is_none_or(|next| next > at(now)));
        let (before, end) = (registrations.reachability(at(now)), next.unwrap_or_else(|| at(60)));
        for later in (now..60).map(at).take_while(|later| *later < end) {
            prop_assert_eq!(registrations.reachability(later), before);
        }
    }

    #[test]
    fn what_is_called_known_already_changes_nothing(events in events_in(slots()), more in events_in(slots())) {
        let mut registrations = after(&events);
        for event in &more {
            let before = said(&registrations);
            let known = registrations.already_known(event);
            let outcome = registrations.apply(event).outcome;
            if known.is_some() {
                prop_assert_eq!(known, Some(outcome));
                prop_assert_eq!(said(&registrations), before);
            }
        }
    }

    #[test]
    fn no_number_of_purges_by_others_pushes_the_holder_out(
        slot in slots(), names in prop::collection::vec(any::<u16>(), 0..60)
    ) {
        let mut registrations = Registrations::default();
        registrations.apply(&event(1, [Change::Registered { slot, node: node(9), ends: Ends::default() }]));
        let before = registrations.reachability(at(500));
        for (time, name) in names.iter().enumerate() {
            let node = Node::parse(&format!("stranger{name}")).unwrap();
            registrations.apply(&event(2 + time as i64, [Change::Deregistered { slot, node }]));
        }
        prop_assert_eq!(registrations.reachability(at(500)), before);
    }

    #[test]
    fn memory_is_bounded_however_many_nodes_are_named(names in prop::collection::vec(any::<u16>(), 0..100)) {
        let mut registrations = Registrations::default();
        for (time, name) in names.iter().enumerate() {
            let node = Node::parse(&format!("node{name}")).unwrap();
            let gone = Change::Deregistered { slot: Slot::Mme, node };
            registrations.apply(&event(1 + time as i64, [gone]));
        }
        prop_assert!(registrations.iter().count() <= Registrations::MAX_NODES);
    }
}

fn without_ends(event: Event) -> Event {
    let changes = event.changes.into_iter().map(|change| match change {
        Change::Registered { slot, node, .. } => Change::Registered {
            slot,
            node,
            ends: Ends::default(),
        },
        other => other,
    });
    Event {
        changes: changes.collect(),
        ..event
    }
}
