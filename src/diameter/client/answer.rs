//! The answer to a request of our own.

use std::sync::Arc;

use crate::diameter::codec::{
    Answered, Defect, ExperimentalResult, FramingError, Header, Message, ResultCode,
};
use crate::diameter::dict::{base, check_answer};

/// An answer that keeps to the protocol, success or not.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnAnswer {
    /// Result-Code, or else Experimental-Result.
    pub result: Answered,
    /// The E bit: the answer has not the command's own form, and somebody on the way may have given it.
    pub is_error: bool,
    /// Who answered, in the case received: the addressee, or an agent on the way.
    pub origin_host: Box<str>,
    /// The peer that handed the answer over, in lower case.
    pub peer: Arc<str>,
    frame: Box<[u8]>,
}

impl OwnAnswer {
    /// The whole answer, to read its AVPs.
    ///
    /// # Errors
    ///
    /// None in practice: the same octets have been read before.
    pub fn message(&self) -> Result<Message<'_>, FramingError> {
        Message::decode(&self.frame)
    }

    /// Judges an answer to the request that opened that session. `peer` handed it over.
    ///
    /// # Errors
    ///
    /// What is wrong with it; nothing is sent back.
    pub(super) fn read(answer: &Message<'_>, session_id: &str, peer: &Arc<str>) -> Result<Self, Defect> {
        check_answer(answer)?;
        // An answer in the error form may leave it out (RFC 6733 §7.2).
        if let Some(session) = answer.find(&base::SESSION_ID)
            && session.data != session_id.as_bytes()
        {
            return Err(Defect::new(ResultCode::UNKNOWN_SESSION_ID));
        }
        let result = result(answer)?;
        let is_error = answer.header().flags.is_error();
        if is_error && result.is_success() {
            return Err(Defect::new(ResultCode::INVALID_HDR_BITS));
        }
        let origin_host = answer
            .find(&base::ORIGIN_HOST)
            .ok_or_else(|| Defect::missing(&base::ORIGIN_HOST))?
            .as_identity()?;
        Ok(Self {
            result,
            is_error,
            origin_host: origin_host.into(),
            peer: Arc::clone(peer),
            frame: answer.bytes().into(),
        })
    }

    /// Whether another peer may do better: this one is too busy, or cannot deliver the request (RFC 6733 §7.1.3).
    pub(super) fn is_of_this_peer_only(&self) -> bool {
        let elsewhere = [ResultCode::UNABLE_TO_DELIVER, ResultCode::TOO_BUSY];
        matches!(self.result, Answered::Base(code) if elsewhere.contains(&code))
    }
}

/// Result-Code counts before Experimental-Result: an answer in the error form may have both (RFC 6733 §7.2).
fn result(answer: &Message<'_>) -> Result<Answered, Defect> {
    if let Some(code) = answer.find(&base::RESULT_CODE) {
        return Ok(Answered::Base(ResultCode(code.as_u32()?)));
    }
    let experimental = answer
        .find(&base::EXPERIMENTAL_RESULT)
        .ok_or_else(|| Defect::missing(&base::RESULT_CODE))?;
    let group = experimental.grouped()?;
    let number = |def| group.find(def).ok_or_else(|| Defect::missing(def))?.as_u32();
    Ok(Answered::Experimental(ExperimentalResult {
        vendor: number(&base::VENDOR_ID)?,
        code: number(&base::EXPERIMENTAL_RESULT_CODE)?,
    }))
}

impl std::fmt::Debug for OwnAnswer {
    /// Without its AVPs: they may be personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnAnswer")
            .field("header", &Header::read(&self.frame))
            .field("result", &self.result)
            .field("origin_host", &self.origin_host)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
