//! The rules of each contract, on a device with a number and an external identifier, and another one beside it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Imsi, SubscriberId, Timestamp};
use crate::index::Index;
use crate::rest::config::IdentifierKind;

use super::*;

const NUMBER: &str = "+999123456";
const NAI: &str = "meter-7@iot.example";
const OTHER_NUMBER: &str = "+999123457";
const STRANGER: &str = "+999999999";

fn answers() -> Answers {
    let index = Index::new();
    let bind = |claim: &str, imsi: &str| {
        let TokenDevice::Known(identifier) = TokenDevice::read(claim) else {
            panic!("{claim}")
        };
        let imsi = SubscriberId::from(Imsi::parse(imsi).unwrap());
        index.load_binding(&identifier, imsi, Timestamp::from_micros(1).unwrap());
    };
    bind(NUMBER, "001010000000001");
    bind(NAI, "001010000000001");
    bind(OTHER_NUMBER, "001010000000002");
    index.finish_loading();
    Answers::new(Arc::new(index), Duration::from_secs(60))
}

fn query(claim: &str) -> DeviceQuery {
    let TokenDevice::Known(identifier) = TokenDevice::read(claim) else {
        panic!("{claim}")
    };
    identifier.into()
}

fn served(config: RestConfig) -> Served {
    Served::new(&config)
}

/// By number and external identifier.
fn both() -> Served {
    served(RestConfig {
        identifiers: vec![
            IdentifierKind::PhoneNumber,
            IdentifierKind::NetworkAccessIdentifier,
        ],
        ..RestConfig::default()
    })
}

fn number(number: &str) -> Device {
    Device {
        phone_number: Some(number.into()),
        ..Device::default()
    }
}

fn nai(nai: &str) -> Device {
    Device {
        network_access_identifier: Some(nai.into()),
        ..Device::default()
    }
}

fn with(mut device: Device, nai: &str) -> Device {
    device.network_access_identifier = Some(nai.into());
    device
}

fn asked(contract: Contract, device: Option<Device>, token: Option<&str>) -> Result<Asked, Cause> {
    let token = token.map(TokenDevice::read);
    both()
        .asked(contract, device, token.as_ref(), &answers())
        .map_err(|problem| problem.cause)
}

#[test]
fn without_a_device_in_token_or_body_it_is_missing() {
    for contract in Contract::ALL {
        assert_eq!(asked(contract, None, None), Err(Cause::MissingIdentifier));
        assert_eq!(
            asked(contract, None, Some("unreadable")),
            Err(Cause::MissingIdentifier)
        );
    }
}

#[test]
fn of_several_identifiers_v1_takes_the_first_and_tells_which_and_does_not_compare() {
    let all = with(number(NUMBER), "unknown@iot.example");
    let asked = asked(Contract::V1, Some(all), None).unwrap();
    assert_eq!(asked.told, Some(number(NUMBER)));
    assert_eq!(asked.identifier, query(NUMBER));
}

#[test]
fn before_v1_identifiers_have_to_belong_to_the_same_device() {
    for contract in [Contract::V0, Contract::V06] {
        let same = asked(contract, Some(with(number(NUMBER), NAI)), None).unwrap();
        assert_eq!(same.told, None);
        assert_eq!(
            asked(contract, Some(with(number(OTHER_NUMBER), NAI)), None),
            Err(Cause::IdentifiersMismatch)
        );
        assert_eq!(
            asked(contract, Some(with(number(STRANGER), NAI)), None),
            Err(Cause::DeviceNotFound)
        );
    }
}

#[test]
fn a_token_about_a_device_is_enough() {
    for contract in Contract::ALL {
        let asked = asked(contract, None, Some(NUMBER)).unwrap();
        assert_eq!(asked.told, None);
        assert_eq!(asked.identifier, query(NUMBER));
    }
}

#[test]
fn beside_such_a_token_v1_takes_no_device_and_others_only_the_same() {
    assert_eq!(
        asked(Contract::V1, Some(number(NUMBER)), Some(NUMBER)),
        Err(Cause::UnnecessaryIdentifier)
    );
    for contract in [Contract::V0, Contract::V06] {
        assert!(asked(contract, Some(number(NUMBER)), Some(NUMBER)).is_ok());
        assert!(asked(contract, Some(nai(NAI)), Some(NUMBER)).is_ok());
        // Another device, a stranger and a token that cannot be read: nothing tells them apart.
        for (device, token) in [
            (number(OTHER_NUMBER), NUMBER),
            (number(STRANGER), NUMBER),
            (with(number(NUMBER), "unknown@iot.example"), NUMBER),
            (number(NUMBER), "unreadable"),
        ] {
            assert_eq!(
                asked(contract, Some(device), Some(token)),
                Err(Cause::TokenContext)
            );
        }
    }
}

#[test]
fn kinds_that_are_not_supported_are_passed_over_and_have_to_be_well_formed() {
    let numbers_only = served(RestConfig {
        identifiers: vec![IdentifierKind::PhoneNumber],
        ..RestConfig::default()
    });
    let asked = |device| {
        numbers_only
            .asked(Contract::V1, Some(device), None, &answers())
            .map_err(|problem| problem.cause)
    };
    assert_eq!(asked(nai(NAI)), Err(Cause::UnsupportedIdentifier));
    assert!(asked(with(number(NUMBER), NAI)).is_ok());
    assert_eq!(asked(nai("no identifier")), Err(Cause::InvalidField));
    assert_eq!(
        asked(with(number(NUMBER), "no identifier")),
        Err(Cause::InvalidField)
    );
    assert_eq!(asked(number("999123456")), Err(Cause::InvalidField));
}

#[test]
fn numbers_that_are_not_served_are_not_applicable_in_the_body_or_in_the_token() {
    let own = served(RestConfig {
        served_numbers: vec!["+9991".into(), "+9992".into()],
        ..RestConfig::default()
    });
    let asked = |device: Option<Device>, token: Option<&str>| {
        let token = token.map(TokenDevice::read);
        own.asked(Contract::V06, device, token.as_ref(), &answers())
            .map_err(|problem| problem.cause)
    };
    assert!(asked(Some(number(NUMBER)), None).is_ok());
    assert_eq!(asked(Some(number(STRANGER)), None), Err(Cause::NotApplicable));
    assert_eq!(asked(None, Some(STRANGER)), Err(Cause::NotApplicable));
}
