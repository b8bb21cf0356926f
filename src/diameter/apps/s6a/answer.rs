//! Answers that leave once the event is durable (TS 29.272 §7.2).

use bytes::BytesMut;

use crate::diameter::codec::{
    Avp, ExperimentalResult, Header, LocalIdentity, Message, MessageBuilder, ResultCode,
};
use crate::diameter::dict::s6a::{pua_flags, ula_flags};
use crate::diameter::dict::{base, s6a, tgpp};
use crate::domain::{Effect, Outcome};

/// Which answer a request gets, beyond what all answers have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// ULA, with ULA-Flags.
    UpdateLocation,
    /// PUA, with PUA-Flags for the slots that were purged. There is one outcome for both slots: if the node held one
    /// of them, both bits are set, which costs it a temporary identity and nothing else.
    Purge {
        /// The MME slot.
        mme: bool,
        /// The SGSN slot.
        sgsn: bool,
    },
    /// NOA.
    Notify {
        /// Whether the outcome tells if the sender is the registered node.
        reports: bool,
    },
    /// CLA, AIA, IDA, DSA, RSA: the result alone.
    Plain,
}

/// What an answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Result-Code.
    Base(ResultCode),
    /// Experimental-Result.
    Experimental(ExperimentalResult),
}

impl Answered {
    /// The number, for metrics. Of the few that are sent here, none is in both number spaces.
    pub fn code(self) -> u32 {
        match self {
            Self::Base(ResultCode(code)) | Self::Experimental(ExperimentalResult { code, .. }) => code,
        }
    }
}

/// What the answer to a request needs of it: the header, Session-Id, Vendor-Specific-Application-Id and every
/// Proxy-Info, in one allocation.
#[derive(Clone)]
pub struct PendingAnswer {
    header: Header,
    kind: AnswerKind,
    /// Whole AVPs with padding: what stands first in the answer, then what stands last.
    avps: Box<[u8]>,
    /// Where in `avps` the last ones begin.
    last: usize,
}

impl PendingAnswer {
    /// Keeps what is needed of a request that [`decode`](super::decode) accepted.
    pub fn new(request: &Message<'_>, kind: AnswerKind) -> Self {
        let first = [&base::SESSION_ID, &base::VENDOR_SPECIFIC_APPLICATION_ID]
            .into_iter()
            .filter_map(|def| request.find(def));
        let proxy_infos = request.find_all(&base::PROXY_INFO);
        let padded = |avp: Avp<'_>| avp.bytes().len().next_multiple_of(4);
        let last = first.clone().map(padded).sum();
        let total = last + request.find_all(&base::PROXY_INFO).map(padded).sum::<usize>();
        let mut avps = Vec::with_capacity(total);
        for avp in first.chain(proxy_infos) {
            avps.extend_from_slice(avp.bytes());
            avps.resize(avps.len().next_multiple_of(4), 0);
        }
        Self {
            header: *request.header(),
            kind,
            avps: avps.into(),
            last,
        }
    }

    /// The header of the request.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Appends the answer of a request whose event is durable, `effect` being what the event did (`None`: there was
    /// no event). Returns what was answered.
    ///
    /// A purge succeeds with the PUA-Flags bit of each slot that its node held, so without any for a node that holds none (TS 29.272 §5.2.1.3.3); a
    /// report by one gets DIAMETER_ERROR_UNKNOWN_SERVING_NODE (§5.2.5.1.3).
    pub fn success(&self, out: &mut BytesMut, effect: Option<Effect>, identity: &LocalIdentity) -> Answered {
        let result = match (self.kind, effect.map(|effect| effect.outcome)) {
            (AnswerKind::Notify { reports: true }, Some(Outcome::NotHolder)) => {
                Answered::Experimental(s6a::UNKNOWN_SERVING_NODE)
            }
            _ => Answered::Base(ResultCode::SUCCESS),
        };
        self.answer(out, result, identity, |answer| match self.kind {
            AnswerKind::UpdateLocation => {
                answer.avp_u32(&tgpp::ULA_FLAGS, ula_flags::SEPARATION);
            }
            AnswerKind::Purge { mme, sgsn } => {
                // The halves stand in this order among the event's changes.
                let bit = |slot: bool, place: usize, bit: u32| {
                    if slot && effect.is_some_and(|effect| effect.stands(place)) {
                        bit
                    } else {
                        0
                    }
                };
                let flags = bit(mme, 0, pua_flags::FREEZE_M_TMSI)
                    | bit(sgsn, usize::from(mme), pua_flags::FREEZE_P_TMSI);
                answer.avp_u32(&tgpp::PUA_FLAGS, flags);
            }
            AnswerKind::Notify { .. } | AnswerKind::Plain => {}
        });
        result
    }

    /// Appends an error answer of that Result-Code, with the E bit if it is a protocol error.
    pub fn error(&self, out: &mut BytesMut, result_code: ResultCode, identity: &LocalIdentity) -> Answered {
        let result = Answered::Base(result_code);
        self.answer(out, result, identity, |_| {});
        result
    }

    fn answer(
        &self,
        out: &mut BytesMut,
        result: Answered,
        identity: &LocalIdentity,
        more: impl FnOnce(&mut MessageBuilder<'_>),
    ) {
        let (first, last) = self.avps.split_at_checked(self.last).unwrap_or_default();
        let error_form = matches!(result, Answered::Base(code) if code.is_protocol_error());
        let mut answer = MessageBuilder::answer(out, &self.header, error_form);
        answer.encoded(first);
        match result {
            Answered::Base(code) => answer.avp_u32(&base::RESULT_CODE, code.0),
            Answered::Experimental(ExperimentalResult { vendor, code }) => {
                answer.group(&base::EXPERIMENTAL_RESULT, |group| {
                    group
                        .avp_u32(&base::VENDOR_ID, vendor)
                        .avp_u32(&base::EXPERIMENTAL_RESULT_CODE, code);
                })
            }
        };
        if !error_form {
            let stateless = base::auth_session_state::NO_STATE_MAINTAINED;
            answer.avp_i32(&base::AUTH_SESSION_STATE, stateless);
        }
        answer
            .avp_utf8(&base::ORIGIN_HOST, &identity.origin_host)
            .avp_utf8(&base::ORIGIN_REALM, &identity.origin_realm);
        more(&mut answer);
        answer.encoded(last).finish();
    }
}

impl std::fmt::Debug for PendingAnswer {
    /// Without the kept AVPs: a Session-Id may hold anything.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingAnswer")
            .field("header", &self.header)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
