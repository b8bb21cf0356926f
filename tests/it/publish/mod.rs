//! Events in, over gRPC: everything that can be said, by clients that know only what the daemon tells of itself; and
//! `reachd publish`.

mod addresses;
mod command_line;
mod documented;
mod flow;
mod history;
mod kills;
mod resynchronise;
mod vocabulary;

use std::time::{Duration, SystemTime};

use reachd::domain::Timestamp;
use serde_json::{Value, json};

use crate::support::Subscriber;

/// A moment, `seconds` ago, as JSON tells it.
fn ago(seconds: u64) -> String {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    Timestamp::from_system_time(time).unwrap().to_string()
}

/// A registration event.
fn registration(subscriber: &Subscriber, slot: &str, node: &str, change: &str, seconds: u64) -> Value {
    json!({
        "subscriber": {"imsi": subscriber.imsi, "msisdn": subscriber.number()},
        "eventTime": ago(seconds),
        "registration": {
            "slot": format!("SLOT_{slot}"),
            "node": node,
            "change": format!("REGISTRATION_CHANGE_{change}"),
        },
    })
}
