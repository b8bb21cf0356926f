//! What was erased does not come back.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn an_erasure_among_events_in_any_order_leaves_what_later_events_alone_give(
        events in events_in(slots()).prop_shuffle(), floor in times(), moment in 0..14usize
    ) {
        let key = PseudonymKey::new(&[7; 32]);
        let mut erasures = Erasures::default();
        let (before, behind) = events.split_at(moment.min(events.len()));
        let mut registrations = after(before);
        // From here on what is late is screened ...
        erasures.note(key.of(Imsi::parse("001010000000001").unwrap().into()), at(floor));
        registrations.erase(at(floor));
        for event in behind {
            let mut event = event.clone();
            if erasures.screen(&key, Refuse::Late, &mut event) == Screened::Kept {
                registrations.apply(&event);
            }
        }
        // ... and what is kept is what happened later, whenever it was told.
        let later: Vec<_> = events.iter().filter(|event| event.event_time > at(floor)).cloned().collect();
        prop_assert_eq!(state(&registrations), state(&after(&later)));
        registrations.erase(at(floor));
        prop_assert_eq!(state(&registrations), state(&after(&later)), "erasing twice is erasing once");
    }

    #[test]
    fn two_replicas_that_learn_of_an_erasure_at_different_moments_end_in_the_same_state(
        events in events_in(slots()), floors in (times(), times()), moments in (0..14usize, 0..14usize)
    ) {
        let replica = |moment: usize, first: i64, second: i64| {
            let (before, behind) = events.split_at(moment.min(events.len()));
            let mut registrations = after(before);
            registrations.erase(at(first));
            registrations.join_all(&after(behind));
            registrations.erase(at(second));
            registrations.erase(at(first));
            registrations
        };
        let (one, other) = (
            replica(moments.0, floors.0, floors.1),
            replica(moments.1, floors.1, floors.0),
        );
        prop_assert_eq!(state(&one), state(&other));
    }
}
