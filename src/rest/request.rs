//! The body of a request: the device that it names, or what is wrong with it.
//!
//! Members that are not known are passed over. What is wrong is named by the member, and the value is never repeated.

use std::fmt;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::northbound::identifier;

use super::cause::Cause;
use super::problem::Problem;

/// What every version takes: `{"device": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Body {
    /// Whom it is about; left out where the access token says so.
    #[serde(default, deserialize_with = "object")]
    pub device: Option<Device>,
}

/// A device as it was sent.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// E.164 with leading plus.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// `local@domain`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub network_access_identifier: Option<String>,
    /// With what tells it from others behind the same NAT.
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub ipv4_address: Option<Ipv4Address>,
    /// One address out of the device's prefix.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub ipv6_address: Option<String>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Device(redacted)")
    }
}

/// An IPv4 address as it was sent.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv4Address {
    /// As servers see it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub public_address: Option<String>,
    /// As the device has it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub private_address: Option<String>,
    /// The port that servers see.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub public_port: Option<u16>,
}

/// A member that may be left out, and may not be null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// An object that may be left out. Left to itself, a struct reads an array as well, member by member.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    value.deserialize_map(Object(PhantomData)).map(Some)
}

/// The body as a whole, which is an object too.
#[derive(Deserialize)]
#[serde(transparent)]
struct Whole {
    #[serde(deserialize_with = "object")]
    body: Option<Body>,
}

impl Device {
    /// Without JSON.
    pub fn plain(&self) -> identifier::Device<'_> {
        identifier::Device {
            phone_number: self.phone_number.as_deref(),
            network_access_identifier: self.network_access_identifier.as_deref(),
            ipv4_address: self.ipv4_address.as_ref().map(|address| identifier::Ipv4Address {
                public_address: address.public_address.as_deref(),
                private_address: address.private_address.as_deref(),
                public_port: address.public_port.map(u32::from),
            }),
            ipv6_address: self.ipv6_address.as_deref(),
        }
    }

    /// Only the identifier of that kind, as it was sent.
    #[must_use]
    pub fn only(self, kind: identifier::Kind) -> Self {
        use identifier::Kind;
        let mut only = Self::default();
        match kind {
            Kind::PhoneNumber => only.phone_number = self.phone_number,
            Kind::NetworkAccessIdentifier => only.network_access_identifier = self.network_access_identifier,
            Kind::Ipv4Address => only.ipv4_address = self.ipv4_address,
            Kind::Ipv6Address => only.ipv6_address = self.ipv6_address,
        }
        only
    }

    fn is_empty(&self) -> bool {
        let Self {
            phone_number,
            network_access_identifier,
            ipv4_address,
            ipv6_address,
        } = self;
        phone_number.is_none()
            && network_access_identifier.is_none()
            && ipv4_address.is_none()
            && ipv6_address.is_none()
    }
}

impl Body {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Cause::MissingBody`], [`Cause::InvalidBody`], or which member is wrong ([`Cause::InvalidField`]) or missing
    /// ([`Cause::MissingField`]).
    pub fn read(octets: &[u8]) -> Result<Self, Problem> {
        if octets.is_empty() {
            return Err(Cause::MissingBody.into());
        }
        // The path to a fault costs time that nobody has to pay whose body is sound.
        let whole: Whole = serde_json::from_slice(octets).map_err(|_| fault(octets))?;
        let body = whole.body.unwrap_or_default();
        let Some(device) = &body.device else {
            return Ok(body);
        };
        if device.is_empty() {
            return Err(Problem::at(
                Cause::MissingField,
                "device",
                "has to have one of phoneNumber, networkAccessIdentifier, ipv4Address, ipv6Address",
            ));
        }
        if let Some(address) = &device.ipv4_address {
            judge_ipv4(address)?;
        }
        judge::<Ipv6Addr>(
            device.ipv6_address.as_deref(),
            "device.ipv6Address",
            "has to be an IPv6 address",
        )?;
        Ok(body)
    }
}

/// CAMARA's rules: a public address comes with what tells the devices behind it apart.
fn judge_ipv4(address: &Ipv4Address) -> Result<(), Problem> {
    let Ipv4Address {
        public_address,
        private_address,
        public_port,
    } = address;
    for (address, member) in [
        (public_address, "device.ipv4Address.publicAddress"),
        (private_address, "device.ipv4Address.privateAddress"),
    ] {
        judge::<Ipv4Addr>(address.as_deref(), member, "has to be an IPv4 address")?;
    }
    if public_address.is_none() {
        let member = "device.ipv4Address.publicAddress";
        return Err(Problem::at(Cause::MissingField, member, "is missing"));
    }
    if private_address.is_none() && public_port.is_none() {
        let sentence = "has to have one of privateAddress, publicPort";
        return Err(Problem::at(Cause::MissingField, "device.ipv4Address", sentence));
    }
    Ok(())
}

/// An address has to be one, also where nobody can be asked for by it.
fn judge<T: FromStr>(text: Option<&str>, member: &str, sentence: &str) -> Result<(), Problem> {
    match text.map(T::from_str) {
        Some(Err(_)) => Err(Problem::at(Cause::InvalidField, member, sentence)),
        _ => Ok(()),
    }
}

/// The members that are read, and what each has to be.
const MEMBERS: [(&str, &str); 8] = [
    ("device", "has to be an object"),
    ("device.phoneNumber", "has to be a string"),
    ("device.networkAccessIdentifier", "has to be a string"),
    ("device.ipv4Address", "has to be an object"),
    ("device.ipv4Address.publicAddress", "has to be a string"),
    ("device.ipv4Address.privateAddress", "has to be a string"),
    (
        "device.ipv4Address.publicPort",
        "has to be a whole number from 0 to 65535",
    ),
    ("device.ipv6Address", "has to be a string"),
];

/// What is wrong with a body that cannot be read.
fn fault(octets: &[u8]) -> Problem {
    let deserializer = &mut serde_json::Deserializer::from_slice(octets);
    let Err(error) = serde_path_to_error::deserialize::<_, Whole>(deserializer) else {
        // Sound up to where it should have ended.
        return Cause::InvalidBody.into();
    };
    let path = error.path().to_string();
    let error = error.into_inner();
    let member = MEMBERS.iter().find(|(name, _)| *name == path);
    match member {
        Some((name, _)) if error.to_string().starts_with("duplicate field") => {
            Problem::at(Cause::InvalidField, name, "has a member twice")
        }
        Some((name, expected)) if error.is_data() => Problem::at(Cause::InvalidField, name, expected),
        _ => Cause::InvalidBody.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn wrong(json: &str) -> (Cause, String) {
        let problem = Body::read(json.as_bytes()).unwrap_err();
        (problem.cause, problem.sentence.unwrap_or_default())
    }

    #[test]
    fn a_device_is_read_and_members_that_are_not_known_are_passed_over() {
        let json = r#"{"device": {"phoneNumber": "+99912345", "colour": [1, {"a": null}]}, "more": 1}"#;
        let device = Body::read(json.as_bytes()).unwrap().device.unwrap();
        assert_eq!(device.phone_number.as_deref(), Some("+99912345"));
        assert_eq!(Body::read(b"{}").unwrap().device, None);
        let json = r#"{"device": {"ipv4Address": {"publicAddress": "192.0.2.1", "publicPort": 0}}}"#;
        assert!(Body::read(json.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_json_object_is_an_invalid_body() {
        for json in [
            "x",
            "[]",
            "7",
            "null",
            "\"device\"",
            "{",
            "{} {}",
            r#"{"device": {"phoneNumber": "+99912345"}"#,
        ] {
            assert_eq!(wrong(json), (Cause::InvalidBody, String::new()), "{json}");
        }
        assert_eq!(Body::read(b"").unwrap_err().cause, Cause::MissingBody);
        assert_eq!(
            Body::read(b"{\"device\": \"\xff\"}").unwrap_err().cause,
            Cause::InvalidBody
        );
        let deep = "[".repeat(10_000);
        assert_eq!(wrong(&format!(r#"{{"x": {deep}"#)).0, Cause::InvalidBody);
    }

    #[test]
    fn a_wrong_member_is_named_and_its_value_is_not_repeated() {
        for (json, member) in [
            (r#"{"device": null}"#, "device"),
            (r#"{"device": "secret"}"#, "device"),
            (r#"{"device": ["secret"]}"#, "device"),
            (r#"{"device": {"ipv4Address": ["secret"]}}"#, "device.ipv4Address"),
            (r#"{"device": {"phoneNumber": 999123}}"#, "device.phoneNumber"),
            (r#"{"device": {"phoneNumber": null}}"#, "device.phoneNumber"),
            (
                r#"{"device": {"networkAccessIdentifier": ["secret"]}}"#,
                "device.networkAccessIdentifier",
            ),
            (r#"{"device": {"ipv4Address": "secret"}}"#, "device.ipv4Address"),
            (
                r#"{"device": {"ipv4Address": {"publicPort": 65536}}}"#,
                "device.ipv4Address.publicPort",
            ),
            (
                r#"{"device": {"ipv4Address": {"publicPort": -1}}}"#,
                "device.ipv4Address.publicPort",
            ),
            (
                r#"{"device": {"ipv4Address": {"publicPort": 1.5}}}"#,
                "device.ipv4Address.publicPort",
            ),
            (r#"{"device": {"ipv6Address": {}}}"#, "device.ipv6Address"),
            (r#"{"device": {"ipv6Address": ""}}"#, "device.ipv6Address"),
            (r#"{"device": {"ipv6Address": "secret"}}"#, "device.ipv6Address"),
            (
                r#"{"device": {"ipv4Address": {"publicAddress": "192.0.2.256"}}}"#,
                "device.ipv4Address.publicAddress",
            ),
            (
                r#"{"device": {"ipv4Address": {"privateAddress": "secret"}}}"#,
                "device.ipv4Address.privateAddress",
            ),
            (
                r#"{"device": {"phoneNumber": "+99912345", "phoneNumber": "+99912346"}}"#,
                "device.phoneNumber",
            ),
        ] {
            let (cause, sentence) = wrong(json);
            assert_eq!(cause, Cause::InvalidField, "{json}");
            assert!(sentence.starts_with("device"), "{json}: {sentence}");
            if !json.contains("+999") {
                assert!(sentence.starts_with(&format!("{member}: ")), "{json}: {sentence}");
            }
            for value in ["secret", "999123", "65536", "+999"] {
                assert!(!sentence.contains(value) || value == "65536", "{sentence}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (json, member) in [
            (r#"{"device": {}}"#, "device: "),
            (r#"{"device": {"colour": 1}}"#, "device: "),
            (
                r#"{"device": {"ipv4Address": {}}}"#,
                "device.ipv4Address.publicAddress: ",
            ),
            (
                r#"{"device": {"ipv4Address": {"publicPort": 1}}}"#,
                "device.ipv4Address.publicAddress: ",
            ),
            (
                r#"{"device": {"ipv4Address": {"publicAddress": "192.0.2.1"}}}"#,
                "device.ipv4Address: ",
            ),
        ] {
            let (cause, sentence) = wrong(json);
            assert_eq!(cause, Cause::MissingField, "{json}");
            assert!(sentence.starts_with(member), "{json}: {sentence}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Body::read(&octets);
        }

        #[test]
        fn a_sentence_never_repeats_a_value(value in "[a-z]{12}") {
            for json in [
                format!(r#"{{"device": "{value}"}}"#),
                format!(r#"{{"device": {{"phoneNumber": {{"{value}": 1}}}}}}"#),
                format!(r#"{{"{value}": {{"#),
                format!(r#"{{"device": {{"ipv4Address": {{"publicPort": "{value}"}}}}}}"#),
            ] {
                let problem = Body::read(json.as_bytes()).unwrap_err();
                prop_assert!(!problem.sentence.unwrap_or_default().contains(&value));
            }
        }
    }
}
