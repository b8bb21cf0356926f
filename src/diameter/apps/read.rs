//! What several applications read in the same way.

use super::super::codec::{Avp, Defect, Group, Message};
use super::super::dict::{AvpDef, base, tgpp};
use crate::domain::{ExternalIdentifier, Imsi, Msisdn, Node, SubscriberIdentifiers, Timestamp};

/// An AVP that the command's grammar requires.
pub(super) fn required<'a>(request: &Message<'a>, def: &AvpDef) -> Result<Avp<'a>, Defect> {
    request.find(def).ok_or_else(|| Defect::missing(def))
}

/// The node that sent the request, whatever agents it came through.
pub(super) fn origin_host(request: &Message<'_>) -> Result<Node, Defect> {
    node(&required(request, &base::ORIGIN_HOST)?)
}

/// The node that the request is addressed to.
pub(super) fn destination_host(request: &Message<'_>) -> Result<Node, Defect> {
    node(&required(request, &base::DESTINATION_HOST)?)
}

/// A node by its Diameter identity.
pub(super) fn node(identity: &Avp<'_>) -> Result<Node, Defect> {
    Node::parse(identity.as_identity()?).map_err(|_| Defect::invalid_value(identity))
}

/// A mask: absent means all bits clear (TS 29.272 §7.3.1). Unknown bits are ignored.
pub(super) fn mask(request: &Message<'_>, def: &AvpDef) -> Result<Option<u32>, Defect> {
    request.find(def).map(|avp| avp.as_u32()).transpose()
}

/// An IMSI in decimal digits.
pub(super) fn imsi(avp: &Avp<'_>) -> Result<Imsi, Defect> {
    Imsi::parse(avp.as_utf8()?).map_err(|_| Defect::invalid_value(avp))
}

/// A number in TBCD, without an octet for the type of number before it (TS 23.003 §3.3).
pub(super) fn msisdn(avp: &Avp<'_>) -> Result<Msisdn, Defect> {
    let digits = avp.as_tbcd()?;
    Msisdn::parse(digits.as_str()).map_err(|_| Defect::invalid_value(avp))
}

/// `local@domain`.
pub(super) fn external_identifier(avp: &Avp<'_>) -> Result<ExternalIdentifier, Defect> {
    ExternalIdentifier::parse(avp.as_utf8()?).map_err(|_| Defect::invalid_value(avp))
}

/// A time; `None` for one before 1970, which nobody means.
pub(super) fn time(avp: &Avp<'_>) -> Result<Option<Timestamp>, Defect> {
    Ok(Timestamp::from_micros(avp.as_time()?.saturating_mul(1_000_000)))
}

/// Maximum-UE-Availability-Time: when what is reported reachable ends. A time that was over when the report was made
/// bounds nothing.
pub(super) fn available_until(
    request: &Message<'_>,
    received_at: Timestamp,
) -> Result<Option<Timestamp>, Defect> {
    let until = match request.find(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME) {
        Some(avp) => time(&avp)?,
        None => None,
    };
    Ok(until.filter(|until| *until > received_at))
}

/// Whom User-Identifier names (TS 29.336 §8.4.2): IMSI, MSISDN, external identifier or several of them. `None` if it names
/// nobody that can be told here.
///
/// A subscriber without a number is given the dummy one, all zeros (TS 23.003 §3.3): it stands for none.
pub(super) fn user_identifier(members: &Group<'_>) -> Result<Option<SubscriberIdentifiers>, Defect> {
    let number = match members.find(&tgpp::MSISDN) {
        Some(avp) if is_dummy(&avp) => None,
        Some(avp) => Some(msisdn(&avp)?),
        None => None,
    };
    let name = members.find(&base::USER_NAME);
    let external = members.find(&tgpp::EXTERNAL_IDENTIFIER);
    Ok(SubscriberIdentifiers::new(
        name.map(|avp| imsi(&avp)).transpose()?,
        number,
        external.map(|avp| external_identifier(&avp)).transpose()?,
    ))
}

fn is_dummy(number: &Avp<'_>) -> bool {
    let zeros = |digits: &str| digits.bytes().all(|digit| digit == b'0');
    number.as_tbcd().is_ok_and(|digits| zeros(digits.as_str()))
}
