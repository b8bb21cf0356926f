//! Whom a message of Sh is about (TS 29.329 §6.3.1, TS 29.328 §7.1).

use crate::diameter::apps::read::{self, required};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::{base, tgpp};
use crate::domain::{ExternalIdentifier, Identifier, Imsi, Msisdn, SubscriberIdentifiers};

/// Whom a message is about.
#[derive(Debug)]
pub(super) struct User {
    /// As User-Identity says: what a subscription is known by.
    pub(super) named: SubscriberIdentifiers,
    /// The same with the IMSI that User-Name may tell.
    pub(super) all: SubscriberIdentifiers,
}

/// Reads User-Identity and User-Name.
///
/// | member | read as |
/// |---|---|
/// | MSISDN | phone number |
/// | Public-Identity `tel:+…`, `sip:+…@…`, with or without `user=phone` | phone number |
/// | Public-Identity `sip:user@domain` | external identifier `user@domain` |
/// | External-Identifier | external identifier |
///
/// Where both a number and an external identifier are given they belong together. A private identity in User-Name that was
/// derived from an IMSI (TS 23.003 §13.3) tells the IMSI; any other says nothing here.
///
/// # Errors
///
/// 5005 without User-Identity; 5004 for a member that is none of these, and for a User-Identity without any.
pub(super) fn user(message: &Message<'_>) -> Result<User, Defect> {
    let user_identity = required(message, &tgpp::USER_IDENTITY)?;
    let group = user_identity.grouped()?;
    let (mut msisdn, mut external) = (None, None);
    if let Some(avp) = group.find(&tgpp::PUBLIC_IDENTITY) {
        match read_public_identity(avp.as_utf8()?) {
            Some(Identifier::Msisdn(number)) => msisdn = Some(number),
            Some(Identifier::External(identifier)) => external = Some(identifier),
            _ => return Err(Defect::invalid_value(&avp)),
        }
    }
    if let Some(avp) = group.find(&tgpp::EXTERNAL_IDENTIFIER) {
        external = Some(read::external_identifier(&avp)?);
    }
    if let Some(avp) = group.find(&tgpp::MSISDN) {
        msisdn = Some(read::msisdn(&avp)?);
    }
    let imsi = match message.find(&base::USER_NAME) {
        Some(user_name) => imsi_of_private_identity(user_name.as_utf8()?),
        None => None,
    };
    let named = SubscriberIdentifiers::new(None, msisdn, external.clone())
        .ok_or_else(|| Defect::invalid_value(&user_identity))?;
    let all = SubscriberIdentifiers::new(imsi, msisdn, external).unwrap_or_else(|| named.clone());
    Ok(User { named, all })
}

/// `<IMSI>@ims.mnc<MNC>.mcc<MCC>.3gppnetwork.org`, where the MNC has three digits and the IMSI may use two of them.
fn imsi_of_private_identity(private: &str) -> Option<Imsi> {
    let (digits, domain) = private.split_once('@')?;
    let domain = domain.to_ascii_lowercase();
    let network = domain.strip_prefix("ims.mnc")?.strip_suffix(".3gppnetwork.org")?;
    let (mnc, mcc) = network.split_once(".mcc")?;
    let short = mnc.strip_prefix('0').unwrap_or(mnc);
    let own = digits.strip_prefix(mcc)?;
    let sound = (14..=15).contains(&digits.len()) && mcc.len() == 3 && mnc.len() == 3;
    if !sound || !(own.starts_with(mnc) || own.starts_with(short)) {
        return None;
    }
    Imsi::parse(digits).ok()
}

/// What a public identity is to this node; `None` if it is nothing that a device is asked for by.
fn read_public_identity(uri: &str) -> Option<Identifier> {
    let (scheme, rest) = uri.split_once(':')?;
    let mut parts = rest.split(';');
    let address = parts.next()?;
    if scheme.eq_ignore_ascii_case("tel") {
        // Visual separators mean nothing (RFC 3966 §3).
        let number: String = address
            .chars()
            .filter(|c| !matches!(c, '-' | '.' | '(' | ')'))
            .collect();
        return global_number(&number).map(Identifier::Msisdn);
    }
    if !scheme.eq_ignore_ascii_case("sip") && !scheme.eq_ignore_ascii_case("sips") {
        return None;
    }
    let (name, _) = address.split_once('@')?;
    let is_phone = parts.any(|parameter| parameter.eq_ignore_ascii_case("user=phone"));
    match global_number(name) {
        // user=phone is often left out; nothing but a number has that form (TS 23.003 §13.4B).
        Some(number) => return Some(Identifier::Msisdn(number)),
        None if is_phone => return None,
        None => {}
    }
    ExternalIdentifier::parse(address).ok().map(Identifier::External)
}

/// A number without its plus would be a local one.
fn global_number(number: &str) -> Option<Msisdn> {
    Msisdn::parse(number).ok().filter(|_| number.starts_with('+'))
}
