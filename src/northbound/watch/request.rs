//! What is to be watched, checked.

use std::collections::HashSet;
use std::time::Duration;

use crate::domain::{DeviceQuery, Identifier};
use crate::northbound::{convert, identifier};
use crate::proto::v1;
use crate::watch::{Cursor, WatchConfig};

use super::error::WatchError;

/// The largest number of devices in one list: half a megabyte of names.
pub const MAX_DEVICES: usize = 10_000;

/// Of which devices changes are wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// Of all.
    All,
    /// Of these, each once, with the device as the client named it.
    List(Vec<(Identifier, v1::Device)>),
}

/// A request that can be served.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Of which devices.
    pub scope: Scope,
    /// From where.
    pub cursor: Option<Cursor>,
    /// Without telling how they stand.
    pub omit_snapshot: bool,
    /// How often there is a sign of life.
    pub heartbeat: Duration,
    /// What is called FRESH.
    pub max_age: Duration,
}

impl Question {
    /// Checks a request; what it leaves open is as configured.
    ///
    /// # Errors
    /// [`WatchError`], for the first thing that is wrong.
    pub fn read(
        request: v1::WatchReachabilityRequest,
        heartbeat: Duration,
        max_age: Duration,
    ) -> Result<Self, WatchError> {
        let v1::WatchReachabilityRequest {
            devices,
            all,
            cursor,
            omit_snapshot,
            heartbeat_interval,
            max_age: asked_age,
        } = request;
        let scope = match (devices.is_empty(), all) {
            (true, true) => Scope::All,
            (false, false) => Scope::List(list(devices)?),
            (true, false) => return Err(WatchError::Nothing),
            (false, true) => return Err(WatchError::Both),
        };
        let cursor = match cursor.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| WatchError::Cursor)?),
        };
        let heartbeat = match heartbeat_interval {
            None => heartbeat,
            Some(asked) => Duration::try_from(asked)
                .ok()
                .filter(|asked| (WatchConfig::MIN_HEARTBEAT..=WatchConfig::MAX_HEARTBEAT).contains(asked))
                .ok_or(WatchError::Heartbeat)?,
        };
        Ok(Self {
            scope,
            cursor,
            omit_snapshot,
            heartbeat,
            max_age: convert::max_age(asked_age)
                .map_err(WatchError::MaxAge)?
                .unwrap_or(max_age),
        })
    }
}

fn list(devices: Vec<v1::Device>) -> Result<Vec<(Identifier, v1::Device)>, WatchError> {
    if devices.len() > MAX_DEVICES {
        return Err(WatchError::TooLong);
    }
    let mut seen = HashSet::with_capacity(devices.len());
    let mut list = Vec::with_capacity(devices.len());
    for (place, device) in devices.into_iter().enumerate() {
        let (query, device) =
            identifier::choose(Some(device)).map_err(|error| WatchError::Device(place, error))?;
        let DeviceQuery::Identifier(identifier) = query else {
            return Err(WatchError::Address(place));
        };
        if seen.insert(identifier.subscriber()) {
            list.push((identifier, device));
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::northbound::error::LookupError;

    const HEARTBEAT: Duration = Duration::from_secs(15);
    const AGE: Duration = Duration::from_secs(60);

    fn phone(number: &str) -> v1::Device {
        v1::Device {
            phone_number: number.to_owned(),
            ..v1::Device::default()
        }
    }

    fn of(devices: &[v1::Device]) -> v1::WatchReachabilityRequest {
        v1::WatchReachabilityRequest {
            devices: devices.to_vec(),
            ..v1::WatchReachabilityRequest::default()
        }
    }

    fn read(request: v1::WatchReachabilityRequest) -> Result<Question, WatchError> {
        Question::read(request, HEARTBEAT, AGE)
    }

    #[test]
    fn a_device_named_twice_is_watched_once_under_its_first_name() {
        let nai = |text: &str| v1::Device {
            network_access_identifier: text.to_owned(),
            ..v1::Device::default()
        };
        let question = read(of(&[
            nai("meter-7@IoT.example"),
            phone("+99912345"),
            nai("meter-7@iot.example"),
        ]));
        let Scope::List(list) = question.unwrap().scope else {
            panic!("a list")
        };
        let devices: Vec<_> = list.into_iter().map(|(_, device)| device).collect();
        assert_eq!(devices, [nai("meter-7@IoT.example"), phone("+99912345")]);
    }

    #[test]
    fn an_address_passes_from_device_to_device_and_is_not_watched() {
        let by_address = v1::Device {
            ipv6_address: "2001:db8::1".into(),
            ..v1::Device::default()
        };
        assert_eq!(
            read(of(&[phone("+99912345"), by_address])),
            Err(WatchError::Address(1))
        );
    }

    #[test]
    fn what_is_left_open_is_as_configured() {
        let question = read(of(&[phone("+99912345")])).unwrap();
        assert_eq!((question.heartbeat, question.max_age), (HEARTBEAT, AGE));
        assert_eq!((question.cursor, question.omit_snapshot), (None, false));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let request = |change: fn(&mut v1::WatchReachabilityRequest)| {
            let mut request = of(&[phone("+99912345")]);
            change(&mut request);
            read(request).unwrap_err()
        };
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        assert_eq!(read(of(&[])), Err(WatchError::Nothing));
        assert_eq!(request(|r| r.all = true), WatchError::Both);
        assert_eq!(request(|r| r.cursor = "x".into()), WatchError::Cursor);
        for wrong in [0, 3601, -1] {
            let mut beat = of(&[phone("+99912345")]);
            beat.heartbeat_interval = seconds(wrong);
            assert_eq!(read(beat), Err(WatchError::Heartbeat), "{wrong}");
        }
        let mut age = of(&[phone("+99912345")]);
        age.max_age = seconds(-1);
        assert_eq!(read(age), Err(WatchError::MaxAge(LookupError::MaxAge)));
        assert_eq!(
            read(of(&[phone("+99912345"), phone("12")])),
            Err(WatchError::Device(1, LookupError::PhoneNumber))
        );
        let many = vec![phone("+99912345"); MAX_DEVICES + 1];
        assert_eq!(read(of(&many)), Err(WatchError::TooLong));
    }
}
