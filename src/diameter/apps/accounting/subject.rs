//! Whom a record is about.

use super::record::Record;
use crate::diameter::apps::read::imsi;
use crate::diameter::codec::{Avp, Defect, Group};
use crate::diameter::dict::accounting::subscription_id_type as kind;
use crate::diameter::dict::{base, tgpp};
use crate::domain::{ExternalIdentifier, Imsi, Msisdn, SubscriberIdentifiers};

/// More Subscription-Ids than that are not looked at.
const MOST: usize = 16;

/// What is known so far. The first of each kind counts.
#[derive(Default)]
struct Found {
    imsi: Option<Imsi>,
    msisdn: Option<Msisdn>,
    external: Option<ExternalIdentifier>,
}

/// Everything a record says about who it is about; `None` if it names nobody that can be told here.
///
/// | where | what |
/// |---|---|
/// | Subscription-Id, type 0 E.164 | MSISDN |
/// | 1 IMSI | IMSI |
/// | 2 SIP URI | MSISDN, if it is a tel or SIP URI of a global number |
/// | 3 NAI | IMSI, if it is one that a network made of an IMSI; else external identifier |
/// | 4 private | nothing |
/// | 3GPP-IMSI | IMSI |
/// | User-Name | IMSI, if it is one or made of one: often it is a name that many share |
/// | Calling-Station-Id | MSISDN, if it is one |
///
/// What claims to be an IMSI or an E.164 number and is none is refused. What only may be one is passed over.
pub(super) fn subject(record: &Record<'_, '_>) -> Result<Option<SubscriberIdentifiers>, Defect> {
    let mut found = Found::default();
    for avp in record.find_all(&base::SUBSCRIPTION_ID).take(MOST) {
        subscription_id(&avp.grouped()?, &mut found)?;
    }
    if let Some(avp) = record.find(&tgpp::TGPP_IMSI) {
        let named = imsi(&avp)?;
        found.imsi.get_or_insert(named);
    }
    if found.imsi.is_none() {
        found.imsi = record
            .find(&base::USER_NAME)
            .and_then(|avp| imsi_of_name(text(&avp)?));
    }
    if found.msisdn.is_none() {
        let caller = record.find(&base::CALLING_STATION_ID);
        found.msisdn = caller.and_then(|avp| Msisdn::parse(text(&avp)?).ok());
    }
    let Found {
        imsi,
        msisdn,
        external,
    } = found;
    Ok(SubscriberIdentifiers::new(imsi, msisdn, external))
}

fn subscription_id(members: &Group<'_>, found: &mut Found) -> Result<(), Defect> {
    let kind = members
        .find(&base::SUBSCRIPTION_ID_TYPE)
        .ok_or_else(|| Defect::missing(&base::SUBSCRIPTION_ID_TYPE))?;
    let data = members
        .find(&base::SUBSCRIPTION_ID_DATA)
        .ok_or_else(|| Defect::missing(&base::SUBSCRIPTION_ID_DATA))?;
    match kind.as_i32()? {
        kind::END_USER_E164 => {
            let number = Msisdn::parse(data.as_utf8()?).map_err(|_| Defect::invalid_value(&data))?;
            found.msisdn.get_or_insert(number);
        }
        kind::END_USER_IMSI => {
            let named = imsi(&data)?;
            found.imsi.get_or_insert(named);
        }
        kind::END_USER_SIP_URI => {
            found.msisdn = found.msisdn.or_else(|| global_number(text(&data)?));
        }
        kind::END_USER_NAI => {
            let name = text(&data).unwrap_or_default();
            match imsi_of_name(name) {
                Some(named) => {
                    found.imsi.get_or_insert(named);
                }
                None if found.external.is_none() => found.external = ExternalIdentifier::parse(name).ok(),
                None => {}
            }
        }
        // Private ones mean what an operator agreed on, and later types are not known.
        _ => {}
    }
    Ok(())
}

fn text<'a>(avp: &Avp<'a>) -> Option<&'a str> {
    std::str::from_utf8(avp.data).ok()
}

/// The IMSI in a bare name of 14 or 15 digits, or in a name that a network made of it: `IMSI@….3gppnetwork.org`, or with a
/// digit before it for the kind of authentication (TS 23.003 §13.3, §19.3.2).
fn imsi_of_name(name: &str) -> Option<Imsi> {
    let digits = match name.split_once('@') {
        None => name,
        Some((user, realm)) => {
            let from = realm.len().checked_sub(SUFFIX.len())?;
            if !realm.get(from..)?.eq_ignore_ascii_case(SUFFIX) {
                return None;
            }
            match user.len() {
                16 => user.get(1..)?,
                _ => user,
            }
        }
    };
    let fits = matches!(digits.len(), 14 | 15);
    fits.then(|| Imsi::parse(digits).ok()).flatten()
}

const SUFFIX: &str = ".3gppnetwork.org";

/// The number in `tel:+…` or `sip:+…@…` (RFC 3966 §5, RFC 3261 §19.1.6).
fn global_number(uri: &str) -> Option<Msisdn> {
    let (scheme, rest) = uri.split_once(':')?;
    let known = ["tel", "sip", "sips"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let number = rest.split([';', '@', '?']).next()?;
    let fits = known && number.starts_with('+');
    fits.then(|| Msisdn::parse(number).ok()).flatten()
}
