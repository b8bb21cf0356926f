//! Sh-Data: the XML document in User-Data, as far as it tells of reachability (TS 29.328 §7.6, annexes C and D).
//!
//! Read by [`ShData::parse`] within bounds, from octets that may come from anywhere: UTF-8 only, no document type, no
//! entities but the predefined ones.

mod document;
mod error;
mod state;
#[cfg(test)]
pub(super) mod tests;
mod walk;

pub use error::{Bound, ShDataError};
pub use state::{CsUserState, ImsUserState, UserState};

use crate::domain::Node;

/// Octets of a document.
pub const MAX_OCTETS: usize = 64 * 1024;
/// Levels of elements, the outermost included.
pub const MAX_DEPTH: usize = 64;
/// Elements of a document.
pub const MAX_ELEMENTS: usize = 4096;
/// Octets of one value that is read.
pub const MAX_TEXT: usize = 512;

/// What a document tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShData {
    /// EPSUserState.
    pub eps_state: Option<UserState>,
    /// PSUserState.
    pub ps_state: Option<UserState>,
    /// Sh-5GSUserState.
    pub five_gs_state: Option<UserState>,
    /// CSUserState.
    pub cs_state: Option<CsUserState>,
    /// IMSUserState.
    pub ims_state: Option<ImsUserState>,
    /// UEReachabilityForIP.
    pub reachable: Reachable,
    /// SMSRegistrationInfo: the IP-SM-GW that is registered for the subscriber; `None` if there is none.
    pub ip_sm_gw: Option<Node>,
    /// EPSLocationInformation, its node an MME.
    pub eps_location: Location,
    /// PSLocationInformation, its node an SGSN, by number.
    pub ps_location: Location,
    /// CSLocationInformation, its node an MSC, by number; if that is not told, its VLR.
    pub cs_location: Location,
}

/// By which accesses the device can be reached for IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reachable {
    /// UEIPReachabilityMME.
    pub mme: bool,
    /// UEIPReachabilitySGSN.
    pub sgsn: bool,
    /// UEIPReachabilityAMF3GPP.
    pub amf_3gpp: bool,
    /// UEIPReachabilityAMFnon3GPP.
    pub amf_non_3gpp: bool,
}

/// What is read of a location: who serves the subscriber there. Where the subscriber is is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The serving node.
    pub node: Option<Node>,
    /// AgeOfLocationInformation: minutes since the last contact with the device.
    pub age_minutes: Option<u16>,
    /// CurrentLocationRetrieved: whether the device was paged for this answer.
    pub current: Option<bool>,
}

impl ShData {
    /// Reads a document.
    ///
    /// # Errors
    /// [`ShDataError`]; nothing is known of a document that is not sound to its end.
    pub fn parse(document: &[u8]) -> Result<Self, ShDataError> {
        let mut read = document::Document::default();
        walk::walk(document, &mut read)?;
        Ok(read.into_data())
    }

    /// These data, and where they tell nothing, those of another document.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            eps_state: self.eps_state.or(other.eps_state),
            ps_state: self.ps_state.or(other.ps_state),
            five_gs_state: self.five_gs_state.or(other.five_gs_state),
            cs_state: self.cs_state.or(other.cs_state),
            ims_state: self.ims_state.or(other.ims_state),
            reachable: self.reachable.or(other.reachable),
            ip_sm_gw: self.ip_sm_gw.or(other.ip_sm_gw),
            eps_location: self.eps_location.or(other.eps_location),
            ps_location: self.ps_location.or(other.ps_location),
            cs_location: self.cs_location.or(other.cs_location),
        }
    }
}

impl Reachable {
    fn or(self, other: Self) -> Self {
        Self {
            mme: self.mme || other.mme,
            sgsn: self.sgsn || other.sgsn,
            amf_3gpp: self.amf_3gpp || other.amf_3gpp,
            amf_non_3gpp: self.amf_non_3gpp || other.amf_non_3gpp,
        }
    }
}

impl Location {
    fn or(self, other: Self) -> Self {
        Self {
            node: self.node.or(other.node),
            age_minutes: self.age_minutes.or(other.age_minutes),
            current: self.current.or(other.current),
        }
    }
}
