//! The domain's answers in protobuf's words, and the caller's durations in ours.

use std::time::Duration;

use crate::domain::{Freshness, Reachability, Status, Timestamp, UnknownReason};
use crate::proto::v1;

use super::answers::Answer;
use super::error::{LookupError, MAX_AGE_LIMIT};

/// The answer in protobuf's words.
pub fn reachability(answer: &Answer) -> v1::Reachability {
    let Answer {
        reachability:
            Reachability {
                status,
                data,
                sms,
                last_status_time,
                last_confirmed_time,
            },
        freshness,
    } = *answer;
    let mut connectivity = Vec::new();
    if data || sms {
        connectivity.reserve_exact(usize::from(data) + usize::from(sms));
        connectivity.extend(data.then_some(i32::from(v1::Connectivity::Data)));
        connectivity.extend(sms.then_some(i32::from(v1::Connectivity::Sms)));
    }
    let (status, reachable, unknown_reason) = match status {
        Status::ConnectedData => (v1::ReachabilityStatus::ConnectedData, Some(true), None),
        Status::ConnectedSms => (v1::ReachabilityStatus::ConnectedSms, Some(true), None),
        Status::NotConnected => (v1::ReachabilityStatus::NotConnected, Some(false), None),
        Status::Unknown(reason) => (v1::ReachabilityStatus::Unknown, None, Some(reason)),
    };
    let unknown_reason = match unknown_reason {
        None => v1::UnknownReason::Unspecified,
        Some(UnknownReason::NoHistory) => v1::UnknownReason::NoHistory,
    };
    let freshness = match freshness {
        Freshness::Fresh => v1::Freshness::Fresh,
        Freshness::Stale => v1::Freshness::Stale,
        Freshness::Unknown => v1::Freshness::Unknown,
    };
    v1::Reachability {
        status: status.into(),
        reachable,
        connectivity,
        last_status_time: last_status_time.map(timestamp),
        last_confirmed_time: last_confirmed_time.map(timestamp),
        freshness: freshness.into(),
        unknown_reason: unknown_reason.into(),
    }
}

/// To the microsecond.
pub fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.as_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        // Below 10^9, so it fits.
        nanos: (micros.rem_euclid(1_000_000) * 1000) as i32,
    }
}

/// What the caller accepts as fresh, if he says so.
///
/// # Errors
/// [`LookupError::MaxAge`].
pub fn max_age(asked: Option<prost_types::Duration>) -> Result<Option<Duration>, LookupError> {
    let Some(prost_types::Duration { seconds, nanos }) = asked else {
        return Ok(None);
    };
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u32::try_from(nanos)) else {
        return Err(LookupError::MaxAge);
    };
    if seconds > MAX_AGE_LIMIT || nanos >= 1_000_000_000 {
        return Err(LookupError::MaxAge);
    }
    Ok(Some(Duration::new(seconds, nanos)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn answer(status: Status, data: bool, sms: bool) -> Answer {
        Answer {
            reachability: Reachability {
                status,
                data,
                sms,
                last_status_time: Some(at(1000)),
                last_confirmed_time: Some(at(1030)),
            },
            freshness: Freshness::Fresh,
        }
    }

    #[test]
    fn each_status_has_its_word_its_connectivity_and_whether_it_is_reachable() {
        use v1::Connectivity::{Data, Sms};
        use v1::ReachabilityStatus as Word;
        let table = [
            (
                answer(Status::ConnectedData, true, false),
                Word::ConnectedData,
                vec![Data],
                Some(true),
            ),
            (
                answer(Status::ConnectedData, true, true),
                Word::ConnectedData,
                vec![Data, Sms],
                Some(true),
            ),
            (
                answer(Status::ConnectedSms, false, true),
                Word::ConnectedSms,
                vec![Sms],
                Some(true),
            ),
            (
                answer(Status::NotConnected, false, false),
                Word::NotConnected,
                vec![],
                Some(false),
            ),
        ];
        for (answer, word, connectivity, reachable) in table {
            let proto = reachability(&answer);
            assert_eq!(proto.status(), word);
            assert_eq!(proto.connectivity().collect::<Vec<_>>(), connectivity);
            assert_eq!(proto.reachable, reachable);
            assert_eq!(proto.unknown_reason(), v1::UnknownReason::Unspecified);
            assert_eq!(proto.last_status_time.unwrap().seconds, 1000);
            assert_eq!(proto.last_confirmed_time.unwrap().seconds, 1030);
        }
    }

    #[test]
    fn unknown_is_neither_reachable_nor_not_and_says_why() {
        let mut nothing = answer(Status::Unknown(UnknownReason::NoHistory), false, false);
        nothing.freshness = Freshness::Unknown;
        nothing.reachability.last_status_time = None;
        nothing.reachability.last_confirmed_time = None;
        let proto = reachability(&nothing);
        assert_eq!(proto.status(), v1::ReachabilityStatus::Unknown);
        assert_eq!(proto.reachable, None);
        assert_eq!(proto.unknown_reason(), v1::UnknownReason::NoHistory);
        assert_eq!(proto.freshness(), v1::Freshness::Unknown);
        assert_eq!((proto.last_status_time, proto.last_confirmed_time), (None, None));
    }

    #[test]
    fn freshness_has_its_words() {
        for (freshness, word) in [
            (Freshness::Fresh, v1::Freshness::Fresh),
            (Freshness::Stale, v1::Freshness::Stale),
        ] {
            let answer = Answer {
                freshness,
                ..answer(Status::ConnectedData, true, false)
            };
            assert_eq!(reachability(&answer).freshness(), word);
        }
    }

    #[test]
    fn times_keep_their_microseconds() {
        let time = timestamp(Timestamp::from_micros(1_700_000_000_123_456).unwrap());
        assert_eq!((time.seconds, time.nanos), (1_700_000_000, 123_456_000));
    }

    #[test]
    fn a_max_age_may_be_absent_and_an_absurd_one_is_refused() {
        let asked = |seconds, nanos| max_age(Some(prost_types::Duration { seconds, nanos }));
        assert_eq!(max_age(None), Ok(None));
        assert_eq!(asked(0, 0), Ok(Some(Duration::ZERO)));
        assert_eq!(asked(5, 500_000_000), Ok(Some(Duration::from_millis(5500))));
        let limit = i64::try_from(MAX_AGE_LIMIT).unwrap();
        assert!(asked(limit, 0).is_ok());
        for (seconds, nanos) in [
            (-1, 0),
            (0, -1),
            (limit + 1, 0),
            (1, 1_000_000_000),
            (i64::MAX, 0),
        ] {
            assert_eq!(
                asked(seconds, nanos),
                Err(LookupError::MaxAge),
                "{seconds} {nanos}"
            );
        }
    }
}
