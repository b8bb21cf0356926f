//! User-Identifier (TS 29.336 §8.4.1).

use crate::diameter::codec::{Avp, Defect, Group};
use crate::diameter::dict::s6t::type_of_external_identifier;
use crate::diameter::dict::tgpp;
use crate::domain::{ExternalIdentifier, Msisdn, SubscriberIdentifiers};

/// Whom a User-Identifier names; `None` for a group and for identifiers of kinds that this interface does not carry.
pub(super) fn read(avp: &Avp<'_>) -> Result<Option<SubscriberIdentifiers>, Defect> {
    let group = avp.grouped()?;
    let msisdn = match group.find(&tgpp::MSISDN) {
        Some(avp) => {
            let digits = avp.as_tbcd()?;
            Some(Msisdn::parse(digits.as_str()).map_err(|_| Defect::invalid_value(&avp))?)
        }
        None => None,
    };
    let external = match group.find(&tgpp::EXTERNAL_IDENTIFIER) {
        Some(avp) if !names_a_group(&group)? => {
            Some(ExternalIdentifier::parse(avp.as_utf8()?).map_err(|_| Defect::invalid_value(&avp))?)
        }
        _ => None,
    };
    Ok(SubscriberIdentifiers::new(None, msisdn, external))
}

fn names_a_group(group: &Group<'_>) -> Result<bool, Defect> {
    match group.find(&tgpp::TYPE_OF_EXTERNAL_IDENTIFIER) {
        Some(avp) => Ok(avp.as_u32()? == type_of_external_identifier::GROUP),
        None => Ok(false),
    }
}
