//! Records in the order they come, and what is known of the subscriber after them.

use super::*;
use crate::domain::{Reachability, Registrations, Status};

/// Takes records of sessions by number, each told at a second, in the order given.
fn after(records: &[(i32, u32, i64)]) -> Reachability {
    let mut known = Registrations::default();
    for (kind, session, second) in records {
        let id = format!("{GATEWAY};1;{session}");
        let octets = of_session(&id, *kind, |request| {
            subscription_id(request, 1, IMSI);
            request.avp_time(&base::EVENT_TIMESTAMP, NOW_UNIX - 1000 + second);
        });
        known.apply(&event(&octets).unwrap());
    }
    known.reachability(now())
}

/// "several sessions for one subscriber are normal … Data facet goes down only when the last relevant one stopped"
#[test]
fn data_goes_with_the_last_session() {
    let two = [(START, 1, 10), (START, 2, 20), (STOP, 1, 30)];
    assert_eq!(after(&two).status, Status::ConnectedData);
    let none = [(START, 1, 10), (START, 2, 20), (STOP, 1, 30), (STOP, 2, 40)];
    let answer = after(&none);
    assert_eq!(answer.status, Status::NotConnected);
    assert_eq!(answer.last_status_time, Some(unix(NOW_UNIX - 1000 + 40)));
}

/// "an INTERIM or STOP whose START was missed still describes a live or ended session"
#[test]
fn a_session_whose_start_was_missed_is_seen_by_its_interim() {
    assert_eq!(after(&[(INTERIM, 1, 10)]).status, Status::ConnectedData);
    assert_eq!(
        after(&[(INTERIM, 1, 10), (STOP, 1, 20)]).status,
        Status::NotConnected
    );
    // A lone STOP proves nothing: other sessions may stand.
    assert!(matches!(after(&[(STOP, 1, 10)]).status, Status::Unknown(_)));
}

/// "STOP then a late INTERIM (failover replay): order by … Event-Timestamp, not by arrival"
#[test]
fn a_late_interim_does_not_bring_a_session_back() {
    assert_eq!(
        after(&[(START, 1, 10), (STOP, 1, 30), (INTERIM, 1, 20)]).status,
        Status::NotConnected
    );
    // Of one second, the end counts.
    assert_eq!(
        after(&[(START, 1, 10), (STOP, 1, 30), (INTERIM, 1, 30)]).status,
        Status::NotConnected
    );
}
