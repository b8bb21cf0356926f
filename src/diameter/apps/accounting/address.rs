//! The addresses of a session.
//!
//! ```text
//! Framed-IP-Address                            4 octets
//! Framed-IPv6-Prefix, Delegated-IPv6-Prefix    reserved:u8  bits:u8  0 to 16 octets, trailing zeros left out (RFC 3162 §2.3)
//! Framed-IPv6-Address                          16 octets (RFC 6911 §3.1)
//! PDP-Address                                  Address; of an IPv6 one the prefix counts (TS 32.299 §7.2)
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::record::Record;
use crate::diameter::codec::{Avp, Defect};
use crate::diameter::dict::{base, radius, tgpp};
use crate::domain::{RoutingDomain, SessionAddress};

/// A session has one address of each family, perhaps a delegated prefix; what is beyond this many is left out.
const MOST: usize = 16;

/// The bits of a PDN connection's IPv6 prefix, unless told otherwise (TS 23.401 §5.3.1.2.2).
const PDN_PREFIX: u8 = 64;

/// Every usable address of the record, once.
///
/// To Diameter those that come from RADIUS are octets of any number, so that a wrong number is a wrong value.
pub(super) fn addresses(record: &Record<'_, '_>) -> Result<Vec<SessionAddress>, Defect> {
    let mut found = Vec::new();
    for avp in record.find_all(&base::FRAMED_IP_ADDRESS).take(MOST) {
        found.extend(ipv4(&avp)?);
    }
    for def in [&base::FRAMED_IPV6_PREFIX, &base::DELEGATED_IPV6_PREFIX] {
        for avp in record.find_all(def).take(MOST) {
            found.extend(ipv6_prefix(&avp)?);
        }
    }
    for avp in record.find_all(&radius::FRAMED_IPV6_ADDRESS).take(MOST) {
        let octets: [u8; 16] = avp.data.try_into().map_err(|_| Defect::invalid_value(&avp))?;
        found.extend(SessionAddress::v6(octets.into(), 128));
    }
    let pdn_prefix = pdn_prefix(record)?;
    for avp in record.find_all(&tgpp::PDP_ADDRESS).take(MOST) {
        found.extend(match avp.as_address()? {
            IpAddr::V4(address) => SessionAddress::v4(RoutingDomain::default(), address),
            IpAddr::V6(address) => SessionAddress::v6(address, pdn_prefix),
        });
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    Ok(found)
}

fn ipv4(avp: &Avp<'_>) -> Result<Option<SessionAddress>, Defect> {
    let octets: [u8; 4] = avp.data.try_into().map_err(|_| Defect::invalid_value(avp))?;
    Ok(SessionAddress::v4(
        RoutingDomain::default(),
        Ipv4Addr::from(octets),
    ))
}

fn ipv6_prefix(avp: &Avp<'_>) -> Result<Option<SessionAddress>, Defect> {
    let [_reserved, bits, network @ ..] = avp.data else {
        return Err(Defect::invalid_value(avp));
    };
    if network.len() > 16 || *bits > 128 {
        return Err(Defect::invalid_value(avp));
    }
    let mut octets = [0u8; 16];
    for (place, octet) in octets.iter_mut().zip(network) {
        *place = *octet;
    }
    Ok(SessionAddress::v6(Ipv6Addr::from(octets), *bits))
}

fn pdn_prefix(record: &Record<'_, '_>) -> Result<u8, Defect> {
    let Some(avp) = record.find(&tgpp::PDP_ADDRESS_PREFIX_LENGTH) else {
        return Ok(PDN_PREFIX);
    };
    let bits = u8::try_from(avp.as_u32()?).ok();
    bits.filter(|bits| (1..=128).contains(bits))
        .ok_or_else(|| Defect::invalid_value(&avp))
}
