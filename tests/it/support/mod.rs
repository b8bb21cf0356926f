//! What the end-to-end tests share: the daemon as a process, a Diameter peer made by hand, a throwaway Postgres, and
//! made-up subscribers.

pub(crate) mod capture;
pub(crate) mod certificates;
pub(crate) mod daemon;
pub(crate) mod freediameter;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod promises;
pub(crate) mod publisher;
pub(crate) mod python;
pub(crate) mod recorder;
pub(crate) mod reflection;
pub(crate) mod wire;

use std::time::{Duration, Instant, SystemTime};

use prost_types::Timestamp;
use reachd::proto::v1::{Connectivity, Freshness, Reachability, ReachabilityStatus, UnknownReason};

/// Runs each test once for each engine: `test::sqlite` and `test::postgres`.
macro_rules! on_each_engine {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(#[$meta])*
            async fn on($engine: $crate::support::daemon::Engine) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                on($crate::support::daemon::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                on($crate::support::daemon::Engine::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_each_engine;

/// Asks again until there is something, and fails after half a minute.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it never came true that {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A made-up subscriber: IMSI under the test network 001-01, number under the unassigned +999.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) imsi: String,
    /// Without the plus.
    pub(crate) digits: String,
}

impl Subscriber {
    pub(crate) fn nth(n: usize) -> Self {
        Self {
            imsi: format!("00101{n:010}"),
            digits: format!("999{n:09}"),
        }
    }

    /// E.164 with its plus.
    pub(crate) fn number(&self) -> String {
        format!("+{}", self.digits)
    }
}

/// An answer in words that tests can compare.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: ReachabilityStatus,
    pub(crate) reachable: Option<bool>,
    pub(crate) connectivity: Vec<Connectivity>,
    pub(crate) last_status_time: Option<Timestamp>,
    pub(crate) last_confirmed_time: Option<Timestamp>,
    pub(crate) freshness: Freshness,
    pub(crate) unknown_reason: UnknownReason,
}

impl Answer {
    pub(crate) fn of(reachability: Reachability) -> Self {
        Self {
            status: reachability.status(),
            reachable: reachability.reachable,
            connectivity: reachability.connectivity().collect(),
            last_status_time: reachability.last_status_time,
            last_confirmed_time: reachability.last_confirmed_time,
            freshness: reachability.freshness(),
            unknown_reason: reachability.unknown_reason(),
        }
    }

    /// Nothing happened since `before`: it is the same answer. Only the feeds behind it may have lived on and confirm it for
    /// longer, since the daemon looks at them now and then.
    #[track_caller]
    pub(crate) fn assert_still(&self, before: &Self) {
        let confirmed = |answer: &Self| answer.last_confirmed_time.map(|time| (time.seconds, time.nanos));
        assert!(confirmed(self) >= confirmed(before), "{self:?} after {before:?}");
        let last_confirmed_time = before.last_confirmed_time;
        let same = Self {
            last_confirmed_time,
            ..self.clone()
        };
        assert_eq!(same, *before);
    }

    /// Fails unless the status and everything that follows from it are as given.
    #[track_caller]
    pub(crate) fn assert_is(&self, status: ReachabilityStatus, connectivity: &[Connectivity]) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.connectivity, connectivity, "{self:?}");
        let reachable = match status {
            ReachabilityStatus::Unknown | ReachabilityStatus::Unspecified => None,
            ReachabilityStatus::NotConnected => Some(false),
            ReachabilityStatus::ConnectedData | ReachabilityStatus::ConnectedSms => Some(true),
        };
        assert_eq!(self.reachable, reachable, "{self:?}");
    }

    /// Fails unless the last status time lies between two moments of this machine's clock.
    #[track_caller]
    pub(crate) fn assert_time_within(&self, begun: SystemTime, ended: SystemTime) {
        let told = self.last_status_time.expect("a last status time");
        let told = SystemTime::try_from(told).unwrap();
        // Times are kept to the microsecond.
        assert!(
            begun - Duration::from_micros(1) <= told && told <= ended,
            "{told:?} lies outside {begun:?} to {ended:?}"
        );
    }
}

/// A moment of the network, `seconds` ago, to the microsecond.
pub(crate) fn ago(seconds: u64) -> Timestamp {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    let mut time = Timestamp::from(time);
    time.nanos -= time.nanos % 1000;
    time
}
