//! Capabilities-Exchange (RFC 6733 §5.3): writing CER and CEA, and judging what a peer sent.
//!
//! Common applications are our own among everything the peer names in Auth-Application-Id, Acct-Application-Id and
//! Vendor-Specific-Application-Id; the Vendor-Id inside a group plays no part. A relay has every application in common.
//! A peer's Host-IP-Address must be there but is never compared with anything: behind NAT or an agent it differs.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;

use crate::diameter::codec::{
    Avp, CommandFlags, Defect, Header, LocalIdentity, Message, MessageBuilder, ResultCode,
};
use crate::diameter::dict::{self, Advertised, base, check_answer, check_request, tgpp};

/// What this node says about itself.
#[derive(Clone, Debug)]
pub struct Local {
    /// Origin-Host and Origin-Realm.
    pub identity: LocalIdentity,
    /// Grows with every start, so that peers see that state was lost.
    pub origin_state_id: u32,
    /// Applications served.
    pub applications: Arc<[u32]>,
}

impl Local {
    /// The same node towards a peer that may use these applications: to offer others would be to invite what has to be
    /// refused.
    #[must_use]
    pub fn offering(&self, applications: &Arc<[u32]>) -> Self {
        Self {
            applications: Arc::clone(applications),
            ..self.clone()
        }
    }
}

/// What a sound CER or CEA said about the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Origin-Host, in lower case.
    pub origin_host: Arc<str>,
    /// Origin-Realm, in lower case.
    pub origin_realm: Arc<str>,
    /// Origin-State-Id, if it gave one.
    pub origin_state_id: Option<u32>,
    /// Applications in common with the ones we asked about.
    pub applications: Arc<[u32]>,
    /// It advertised the relay application: it forwards whatever it gets.
    pub relay: bool,
}

/// A CEA that does not open the connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeaError {
    /// The peer refused us.
    #[error("the peer refused the capabilities exchange: {0}")]
    Refused(ResultCode),
    /// It cannot be read.
    #[error("the peer's CEA is unusable: {0}")]
    Unusable(Defect),
}

/// Appends a CER. `addresses` are those of the local end of the connection.
pub fn write_cer(out: &mut BytesMut, local: &Local, addresses: &[IpAddr], hop_by_hop: u32, end_to_end: u32) {
    let flags = CommandFlags::default();
    let mut cer = MessageBuilder::request(
        out,
        flags,
        base::COMMAND_CAPABILITIES_EXCHANGE,
        base::APPLICATION,
        hop_by_hop,
        end_to_end,
    );
    write_members(&mut cer, local, addresses);
    cer.finish();
}

/// Appends the CEA to a CER that was accepted or not. All applications that we offer this peer are listed, not only the common ones.
pub fn write_cea(
    out: &mut BytesMut,
    local: &Local,
    addresses: &[IpAddr],
    cer: &Header,
    verdict: Result<(), &Defect>,
) {
    let result_code = verdict
        .err()
        .map_or(ResultCode::SUCCESS, |defect| defect.result_code);
    let mut cea = MessageBuilder::answer(out, cer, result_code.is_protocol_error());
    cea.avp_u32(&base::RESULT_CODE, result_code.0);
    write_members(&mut cea, local, addresses);
    if let Err(Defect {
        failed_avp: Some(failed),
        ..
    }) = verdict
    {
        cea.group(&base::FAILED_AVP, |group| {
            group.encoded(failed);
        });
    }
    cea.finish();
}

fn write_members(message: &mut MessageBuilder<'_>, local: &Local, addresses: &[IpAddr]) {
    message
        .avp_utf8(&base::ORIGIN_HOST, &local.identity.origin_host)
        .avp_utf8(&base::ORIGIN_REALM, &local.identity.origin_realm);
    for address in addresses {
        message.avp_address(&base::HOST_IP_ADDRESS, *address);
    }
    message
        .avp_u32(&base::VENDOR_ID, 0)
        .avp_utf8(&base::PRODUCT_NAME, "reachd")
        .avp_u32(&base::ORIGIN_STATE_ID, local.origin_state_id)
        .avp_u32(&base::SUPPORTED_VENDOR_ID, tgpp::VENDOR_ID);
    for id in local.applications.iter() {
        match dict::application(*id).map(|application| application.advertised) {
            Some(Advertised::VendorSpecific { vendor }) => {
                message.group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
                    group
                        .avp_u32(&base::VENDOR_ID, vendor)
                        .avp_u32(&base::AUTH_APPLICATION_ID, *id);
                });
            }
            Some(Advertised::Accounting) => {
                message.avp_u32(&base::ACCT_APPLICATION_ID, *id);
            }
            None => {
                message.avp_u32(&base::AUTH_APPLICATION_ID, *id);
            }
        }
    }
}

/// Judges a CER. `ours` are the applications that this peer may have in common with us.
///
/// # Errors
///
/// The defect to answer with: what [`check_request`] finds (3008 for P or E, 3009, 5001 for an unknown AVP with M, 5005,
/// 5009, 5014), 5009 for two ids in one group, 5010 without an application in common, 5017 if the peer insists on in-band
/// security.
pub fn read_cer(cer: &Message<'_>, ours: &[u32]) -> Result<Remote, Defect> {
    check_request(cer, &base::CAPABILITIES_EXCHANGE)?;
    let remote = read_members(cer, ours)?;
    // The grammar wants one at least, and allows more.
    if cer.find(&base::HOST_IP_ADDRESS).is_none() {
        return Err(Defect::missing(&base::HOST_IP_ADDRESS));
    }
    // In-band security is not done here. A peer that offers NO_INBAND_SECURITY among others, or nothing, is fine.
    let mut offered = cer
        .find_all(&base::INBAND_SECURITY_ID)
        .map(|avp| avp.as_u32())
        .peekable();
    if offered.peek().is_some() && !offered.any(|id| id == Ok(0)) {
        return Err(Defect::new(ResultCode::NO_COMMON_SECURITY));
    }
    if remote.applications.is_empty() {
        return Err(Defect::new(ResultCode::NO_COMMON_APPLICATION));
    }
    Ok(remote)
}

/// Judges a CEA. Lenient where nothing depends on it: Host-IP-Address, Vendor-Id and Product-Name may be missing.
///
/// # Errors
///
/// The peer refused us, or there is an AVP with M that is not known here (RFC 6733 §4.1), or its identity or applications
/// cannot be read, or there is no application in common.
pub fn read_cea(cea: &Message<'_>, ours: &[u32]) -> Result<Remote, CeaError> {
    check_answer(cea).map_err(CeaError::Unusable)?;
    let result_code = cea
        .find(&base::RESULT_CODE)
        .ok_or_else(|| Defect::missing(&base::RESULT_CODE))
        .and_then(|avp| avp.as_u32())
        .map_err(CeaError::Unusable)?;
    if !ResultCode(result_code).is_success() {
        return Err(CeaError::Refused(ResultCode(result_code)));
    }
    let remote = read_members(cea, ours).map_err(CeaError::Unusable)?;
    if remote.applications.is_empty() {
        return Err(CeaError::Unusable(Defect::new(ResultCode::NO_COMMON_APPLICATION)));
    }
    Ok(remote)
}

/// Who the sender is, whatever else is wrong with its CER.
#[must_use]
pub fn origin_host<'a>(message: &Message<'a>) -> Option<&'a str> {
    message.find(&base::ORIGIN_HOST)?.as_identity().ok()
}

fn read_members(message: &Message<'_>, ours: &[u32]) -> Result<Remote, Defect> {
    let identity = |def| {
        let avp = message.find(def).ok_or_else(|| Defect::missing(def))?;
        avp.as_identity()
            .map(|name| Arc::<str>::from(name.to_ascii_lowercase()))
    };
    let origin_host = identity(&base::ORIGIN_HOST)?;
    let origin_realm = identity(&base::ORIGIN_REALM)?;
    let origin_state_id = message
        .find(&base::ORIGIN_STATE_ID)
        .map(|avp| avp.as_u32())
        .transpose()?;

    let mut relay = false;
    let mut common: Vec<bool> = vec![false; ours.len()];
    let mut offered = |id: u32| {
        relay |= id == base::APPLICATION_RELAY;
        for (common, own) in common.iter_mut().zip(ours) {
            *common |= *own == id;
        }
    };
    for avp in message.avps() {
        if avp.is(&base::AUTH_APPLICATION_ID) || avp.is(&base::ACCT_APPLICATION_ID) {
            offered(avp.as_u32()?);
        } else if avp.is(&base::VENDOR_SPECIFIC_APPLICATION_ID) {
            offered(vendor_specific_application(&avp)?);
        }
    }
    let applications = ours
        .iter()
        .zip(&common)
        .filter(|(_, common)| relay || **common)
        .map(|(own, _)| *own)
        .collect();
    Ok(Remote {
        origin_host,
        origin_realm,
        origin_state_id,
        applications,
        relay,
    })
}

/// The one application of a Vendor-Specific-Application-Id (RFC 6733 §6.11).
fn vendor_specific_application(avp: &Avp<'_>) -> Result<u32, Defect> {
    let group = avp.grouped()?;
    match (
        group.find(&base::AUTH_APPLICATION_ID),
        group.find(&base::ACCT_APPLICATION_ID),
    ) {
        (Some(auth), None) => auth.as_u32(),
        (None, Some(acct)) => acct.as_u32(),
        (None, None) => Err(Defect::missing(&base::AUTH_APPLICATION_ID)),
        (Some(_), Some(second)) => Err(Defect::of(ResultCode::AVP_OCCURS_TOO_MANY_TIMES, &second)),
    }
}
