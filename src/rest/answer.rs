//! An answer in the words of each contract.

use serde::Serialize;

use crate::domain::{Freshness, Reachability, Status, Timestamp};
use crate::northbound::Answer;

use super::cause::Cause;
use super::contract::Contract;
use super::problem::Problem;
use super::request::Device;

/// v0 and v0.6. A time is there only where it says that the answer is fresh.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneStatus {
    reachability_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status_time: Option<String>,
}

/// v1. The time is always there and says when the answer was last confirmed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reachable {
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device>,
    last_status_time: String,
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    connectivity: Option<&'static [&'static str]>,
}

/// The body of a response. `told` is the device that v1 repeats.
///
/// # Errors
/// [`Cause::CannotTell`] where nothing is known: no contract has a word for it that could not be taken for "not connected".
pub fn body(contract: Contract, answer: &Answer, told: Option<Device>) -> Result<Vec<u8>, Problem> {
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
    if let Status::Unknown(_) = status {
        return Err(Cause::CannotTell.into());
    }
    let body = match contract {
        Contract::V0 | Contract::V06 => serde_json::to_vec(&OneStatus {
            reachability_status: status.name(),
            last_status_time: last_status_time
                .filter(|_| freshness == Freshness::Fresh)
                .map(time),
        }),
        Contract::V1 => {
            let confirmed = last_confirmed_time.ok_or(Cause::CannotTell)?;
            serde_json::to_vec(&Reachable {
                device: told,
                last_status_time: time(confirmed),
                reachable: data || sms,
                connectivity: match (data, sms) {
                    (true, true) => Some(&["DATA", "SMS"]),
                    (true, false) => Some(&["DATA"]),
                    (false, true) => Some(&["SMS"]),
                    (false, false) => None,
                },
            })
        }
    };
    body.map_err(|_| Cause::Internal.into())
}

/// RFC 3339 in UTC with milliseconds, the form that CAMARA recommends. Cut off, not rounded: never later than it was.
fn time(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate(text.len().saturating_sub("000Z".len()));
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use crate::domain::UnknownReason;

    use super::*;

    fn answer(status: Status, data: bool, sms: bool, freshness: Freshness) -> Answer {
        Answer {
            reachability: Reachability {
                status,
                data,
                sms,
                last_status_time: Timestamp::from_micros(1_790_000_000_123_999),
                last_confirmed_time: Timestamp::from_micros(1_790_000_060_000_000),
            },
            freshness,
        }
    }

    fn said(contract: Contract, answer: &Answer) -> Value {
        serde_json::from_slice(&body(contract, answer, None).unwrap()).unwrap()
    }

    #[test]
    fn each_status_has_its_words_in_each_contract() {
        let (status_time, confirmed) = ("2026-09-21T14:13:20.123Z", "2026-09-21T14:14:20.000Z");
        for (status, data, sms, connectivity) in [
            (Status::ConnectedData, true, true, json!(["DATA", "SMS"])),
            (Status::ConnectedData, true, false, json!(["DATA"])),
            (Status::ConnectedSms, false, true, json!(["SMS"])),
            (Status::NotConnected, false, false, Value::Null),
        ] {
            let fresh = answer(status, data, sms, Freshness::Fresh);
            for contract in [Contract::V0, Contract::V06] {
                assert_eq!(
                    said(contract, &fresh),
                    json!({"reachabilityStatus": status.name(), "lastStatusTime": status_time})
                );
            }
            let mut v1 = json!({"lastStatusTime": confirmed, "reachable": data || sms});
            if !connectivity.is_null() {
                v1["connectivity"] = connectivity;
            }
            assert_eq!(said(Contract::V1, &fresh), v1);
        }
    }

    #[test]
    fn what_is_not_fresh_has_no_time_before_v1_and_always_one_there() {
        let stale = answer(Status::NotConnected, false, false, Freshness::Stale);
        for contract in [Contract::V0, Contract::V06] {
            assert_eq!(
                said(contract, &stale),
                json!({"reachabilityStatus": "NOT_CONNECTED"})
            );
        }
        assert!(said(Contract::V1, &stale)["lastStatusTime"].is_string());
    }

    #[test]
    fn what_cannot_be_told_is_no_answer_in_any_contract() {
        let nothing = answer(
            Status::Unknown(UnknownReason::NoHistory),
            false,
            false,
            Freshness::Unknown,
        );
        for contract in Contract::ALL {
            assert_eq!(
                body(contract, &nothing, None).unwrap_err().cause,
                Cause::CannotTell
            );
        }
    }
}
