//! Device-Watchdog and Disconnect-Peer (RFC 6733 §5.5, §5.4): writing them, and judging what a peer sent.
//!
//! Capabilities-Exchange has its own file, [`capabilities`](super::capabilities).

use bytes::BytesMut;

use super::capabilities::Local;
use crate::diameter::codec::{CommandFlags, Defect, Header, Message, MessageBuilder, ResultCode};
use crate::diameter::dict::{base, check_request};

/// Why a peer, or this node, disconnects (RFC 6733 §5.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectCause {
    /// It restarts and will be back.
    Rebooting,
    /// It has no room; do not come back soon.
    Busy,
    /// It expects no traffic; do not come back soon.
    DoNotWantToTalkToYou,
}

impl DisconnectCause {
    const fn code(self) -> i32 {
        match self {
            Self::Rebooting => base::disconnect_cause::REBOOTING,
            Self::Busy => base::disconnect_cause::BUSY,
            Self::DoNotWantToTalkToYou => base::disconnect_cause::DO_NOT_WANT_TO_TALK_TO_YOU,
        }
    }
}

/// Appends a DWR.
pub fn write_dwr(out: &mut BytesMut, local: &Local, hop_by_hop: u32, end_to_end: u32) {
    let flags = CommandFlags::default();
    MessageBuilder::request(
        out,
        flags,
        base::COMMAND_DEVICE_WATCHDOG,
        base::APPLICATION,
        hop_by_hop,
        end_to_end,
    )
    .avp_utf8(&base::ORIGIN_HOST, &local.identity.origin_host)
    .avp_utf8(&base::ORIGIN_REALM, &local.identity.origin_realm)
    .avp_u32(&base::ORIGIN_STATE_ID, local.origin_state_id)
    .finish();
}

/// Appends a DPR.
pub fn write_dpr(
    out: &mut BytesMut,
    local: &Local,
    cause: DisconnectCause,
    hop_by_hop: u32,
    end_to_end: u32,
) {
    let flags = CommandFlags::default();
    MessageBuilder::request(
        out,
        flags,
        base::COMMAND_DISCONNECT_PEER,
        base::APPLICATION,
        hop_by_hop,
        end_to_end,
    )
    .avp_utf8(&base::ORIGIN_HOST, &local.identity.origin_host)
    .avp_utf8(&base::ORIGIN_REALM, &local.identity.origin_realm)
    .avp_i32(&base::DISCONNECT_CAUSE, cause.code())
    .finish();
}

/// Appends the DWA or DPA to a request that was found sound or not.
pub fn write_answer(out: &mut BytesMut, local: &Local, request: &Header, verdict: Result<(), &Defect>) {
    let result_code = verdict
        .err()
        .map_or(ResultCode::SUCCESS, |defect| defect.result_code);
    let mut answer = MessageBuilder::answer(out, request, result_code.is_protocol_error());
    answer
        .avp_u32(&base::RESULT_CODE, result_code.0)
        .avp_utf8(&base::ORIGIN_HOST, &local.identity.origin_host)
        .avp_utf8(&base::ORIGIN_REALM, &local.identity.origin_realm);
    if let Err(Defect {
        failed_avp: Some(failed),
        ..
    }) = verdict
    {
        answer.group(&base::FAILED_AVP, |group| {
            group.encoded(failed);
        });
    }
    if request.command == base::COMMAND_DEVICE_WATCHDOG {
        answer.avp_u32(&base::ORIGIN_STATE_ID, local.origin_state_id);
    }
    answer.finish();
}

/// Judges a DWR: the command's grammar, and that Origin-Host is still that of the capabilities exchange.
///
/// # Errors
///
/// The first defect, to be answered.
pub fn check_dwr(request: &Message<'_>, origin_host: &str) -> Result<(), Defect> {
    check_request(request, &base::DEVICE_WATCHDOG)?;
    check_origin(request, origin_host)
}

/// Judges a DPR as [`check_dwr`] does, and reads its cause.
///
/// # Errors
///
/// The first defect, to be answered.
pub fn check_dpr(request: &Message<'_>, origin_host: &str) -> Result<DisconnectCause, Defect> {
    check_request(request, &base::DISCONNECT_PEER)?;
    check_origin(request, origin_host)?;
    let cause = request
        .find(&base::DISCONNECT_CAUSE)
        .ok_or_else(|| Defect::missing(&base::DISCONNECT_CAUSE))?;
    match cause.as_i32()? {
        base::disconnect_cause::REBOOTING => Ok(DisconnectCause::Rebooting),
        base::disconnect_cause::BUSY => Ok(DisconnectCause::Busy),
        base::disconnect_cause::DO_NOT_WANT_TO_TALK_TO_YOU => Ok(DisconnectCause::DoNotWantToTalkToYou),
        _ => Err(Defect::invalid_value(&cause)),
    }
}

/// The Origin-State-Id of a message, if it has one that can be read (RFC 6733 §8.16).
#[must_use]
pub fn origin_state_id(message: &Message<'_>) -> Option<u32> {
    message.find(&base::ORIGIN_STATE_ID)?.as_u32().ok()
}

fn check_origin(request: &Message<'_>, origin_host: &str) -> Result<(), Defect> {
    let host = request
        .find(&base::ORIGIN_HOST)
        .ok_or_else(|| Defect::missing(&base::ORIGIN_HOST))?;
    if host.as_identity()?.eq_ignore_ascii_case(origin_host) {
        Ok(())
    } else {
        Err(Defect::invalid_value(&host))
    }
}
