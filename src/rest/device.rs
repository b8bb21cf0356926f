//! Whom a request is about: the device of the body or that of the access token, by the rules of each contract.
//!
//! | the token names a device | the body does | v0, v0.6 | v1 |
//! |---|---|---|---|
//! | no | no | it cannot be identified | missing identifier |
//! | no | yes | the body's | the body's |
//! | yes | no | the token's | the token's |
//! | yes | yes | the token's, if the body's is the same | unnecessary identifier |
//!
//! Of several identifiers v1 uses the first of a supported kind, and does not compare. Before, they have to belong to the
//! same device.

use crate::domain::{DeviceQuery, ExternalIdentifier, Identifier, Msisdn};
use crate::northbound::Answers;
use crate::northbound::identifier::Kind;

use super::cause::Cause;
use super::config::RestConfig;
use super::contract::Contract;
use super::problem::Problem;
use super::request::Device;

/// Which devices are served.
#[derive(Clone, Debug)]
pub struct Served {
    kinds: Vec<Kind>,
    numbers: Vec<Box<str>>,
}

/// Whom a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is looked up.
    pub identifier: DeviceQuery,
    /// The identifier of the body that it was taken from, for v1 to tell.
    pub told: Option<Device>,
}

/// What an access token says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenDevice {
    /// It is this one.
    Known(Identifier),
    /// It is one, yet the claim cannot be read. Nobody else may be asked for with such a token.
    Unreadable,
}

impl TokenDevice {
    /// Reads the claim: a phone number with its plus, or a network access identifier.
    pub fn read(claim: &str) -> Self {
        let number = claim
            .starts_with('+')
            .then(|| Msisdn::parse(claim).ok().map(Identifier::Msisdn));
        number
            .unwrap_or_else(|| ExternalIdentifier::parse(claim).ok().map(Identifier::External))
            .map_or(Self::Unreadable, Self::Known)
    }
}

impl Served {
    /// Those that the configuration names.
    pub fn new(config: &RestConfig) -> Self {
        Self {
            kinds: config.identifiers.iter().map(|kind| Kind::from(*kind)).collect(),
            numbers: config
                .served_numbers
                .iter()
                .filter_map(|number| number.strip_prefix('+'))
                .map(Box::from)
                .collect(),
        }
    }

    /// Whom a request is about.
    ///
    /// # Errors
    /// That it cannot be said, or may not be asked.
    pub fn asked(
        &self,
        contract: Contract,
        device: Option<Device>,
        token: Option<&TokenDevice>,
        answers: &Answers,
    ) -> Result<Asked, Problem> {
        let asked = match (token, device) {
            (None, None) | (Some(TokenDevice::Unreadable), None) => {
                return Err(Cause::MissingIdentifier.into());
            }
            (None, Some(device)) => self.of_body(contract, device, answers)?,
            (Some(TokenDevice::Known(identifier)), None) => Asked {
                identifier: identifier.clone().into(),
                told: None,
            },
            (Some(_), Some(_)) if contract == Contract::V1 => {
                return Err(Cause::UnnecessaryIdentifier.into());
            }
            (Some(TokenDevice::Unreadable), Some(_)) => return Err(Cause::TokenContext.into()),
            (Some(TokenDevice::Known(identifier)), Some(device)) => {
                self.same(identifier, &device, answers)?;
                Asked {
                    identifier: identifier.clone().into(),
                    told: None,
                }
            }
        };
        self.judge(&asked.identifier)?;
        Ok(asked)
    }

    /// The device of a body, whose token names none.
    fn of_body(&self, contract: Contract, device: Device, answers: &Answers) -> Result<Asked, Problem> {
        let given = self.given(&device)?;
        let Some((kind, identifier)) = given.first() else {
            return Err(Cause::UnsupportedIdentifier.into());
        };
        if contract != Contract::V1 && given.len() > 1 {
            let mut subscribers = given.iter().map(|(_, identifier)| answers.subscriber(identifier));
            let first = subscribers.next().transpose()?;
            for other in subscribers {
                if Some(other?) != first {
                    return Err(Cause::IdentifiersMismatch.into());
                }
            }
        }
        Ok(Asked {
            identifier: identifier.clone(),
            told: (contract == Contract::V1).then(|| device.clone().only(*kind)),
        })
    }

    /// Fails unless every identifier of the body names the device of the token. That one names nobody is no other case:
    /// a token is no means to find out who is known.
    fn same(&self, token: &Identifier, device: &Device, answers: &Answers) -> Result<(), Problem> {
        let token = DeviceQuery::from(token.clone());
        let owner = answers.subscriber(&token).ok();
        let same = |identifier: &DeviceQuery| {
            *identifier == token || owner.is_some() && answers.subscriber(identifier).ok() == owner
        };
        let given = self.given(device)?;
        if !given.is_empty() && given.iter().all(|(_, identifier)| same(identifier)) {
            return Ok(());
        }
        Err(Cause::TokenContext.into())
    }

    /// The identifiers of a supported kind, the preferred first. Those of other kinds have to be well-formed all the same.
    fn given(&self, device: &Device) -> Result<Vec<(Kind, DeviceQuery)>, Problem> {
        let plain = device.plain();
        let mut given = Vec::with_capacity(1);
        for kind in Kind::ALL {
            let supported = self.kinds.contains(&kind);
            match plain.read(kind) {
                Some(Ok(identifier)) if supported => given.push((kind, identifier)),
                Some(Err(error)) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(given)
    }

    fn judge(&self, identifier: &DeviceQuery) -> Result<(), Problem> {
        let DeviceQuery::Identifier(Identifier::Msisdn(msisdn)) = identifier else {
            return Ok(());
        };
        if self.numbers.is_empty() {
            return Ok(());
        }
        let digits = msisdn.digits();
        match self.numbers.iter().any(|number| digits.starts_with(&**number)) {
            true => Ok(()),
            false => Err(Cause::NotApplicable.into()),
        }
    }
}

#[cfg(test)]
mod tests;
