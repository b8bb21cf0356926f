//! Answers that leave once the events of their request are durable.

use bytes::BytesMut;

use super::{accounting, s6a, s6t, sh};
pub use crate::diameter::codec::Answered;
use crate::diameter::codec::{
    Avp, ExperimentalResult, Header, LocalIdentity, Message, MessageBuilder, ResultCode,
};
use crate::diameter::dict::base;
use crate::domain::{Effect, SubscriberIdentifiers};

/// What an answer says beyond what all answers have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The result alone.
    Plain,
    /// What answers of S6a/S6d say.
    S6a(s6a::Reply),
    /// What answers of S6t and T6a/T6b say.
    S6t(s6t::Reply),
    /// What answers of accounting say.
    Accounting(accounting::Reply),
    /// What answers of Sh say.
    Sh(sh::Reply),
}

impl Reply {
    /// What the request says of what was asked; to be durable before the answer leaves.
    pub fn notices(&self) -> &[s6t::Notice] {
        match self {
            Self::S6t(reply) => reply.notices(),
            _ => &[],
        }
    }
}

/// What is answered to a request, once it is known what its events did. Together with the request it makes the answer,
/// so that a duplicate of the request can be answered in the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result.
    pub answered: Answered,
    /// What else depends on the effect: PUA-Flags in a PUA; 0 where nothing does.
    pub detail: u32,
}

impl Verdict {
    /// DIAMETER_SUCCESS and nothing else.
    pub const SUCCESS: Self = Self {
        answered: Answered::Base(ResultCode::SUCCESS),
        detail: 0,
    };

    /// That Result-Code and nothing else.
    pub fn of(result_code: ResultCode) -> Self {
        Self {
            answered: Answered::Base(result_code),
            detail: 0,
        }
    }
}

/// What the answer to a request needs of it: the header, Session-Id, Vendor-Specific-Application-Id and every
/// Proxy-Info, in one allocation.
#[derive(Clone)]
pub struct PendingAnswer {
    header: Header,
    reply: Reply,
    /// Whole AVPs with padding: what stands first in the answer, then what stands last.
    avps: Box<[u8]>,
    /// Where in `avps` the last ones begin.
    last: usize,
}

impl PendingAnswer {
    /// Keeps what is needed of a request that [`decode`](super::decode) accepted.
    pub fn new(request: &Message<'_>, reply: Reply) -> Self {
        let padded = |avp: &Avp<'_>| avp.bytes().len().next_multiple_of(4);
        // One walk finds everything: this is done for every request.
        let (mut session, mut application, mut proxied) = (None, None, 0);
        for avp in request.avps() {
            if avp.is(&base::SESSION_ID) {
                session.get_or_insert(avp);
            } else if avp.is(&base::VENDOR_SPECIFIC_APPLICATION_ID) {
                application.get_or_insert(avp);
            } else if avp.is(&base::PROXY_INFO) {
                proxied += padded(&avp);
            }
        }
        let first = session.into_iter().chain(application);
        let last = first.clone().map(|avp| padded(&avp)).sum();
        let mut avps = Vec::with_capacity(last + proxied);
        let mut keep = |avp: Avp<'_>| {
            avps.extend_from_slice(avp.bytes());
            avps.resize(avps.len().next_multiple_of(4), 0);
        };
        first.for_each(&mut keep);
        if proxied > 0 {
            request.find_all(&base::PROXY_INFO).for_each(keep);
        }
        Self {
            header: *request.header(),
            reply,
            avps: avps.into(),
            last,
        }
    }

    /// What the request says of what was asked (see [`Reply::notices`]).
    pub fn notices(&self) -> &[s6t::Notice] {
        self.reply.notices()
    }

    /// The header of the request.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many octets of the request are kept.
    pub fn kept(&self) -> usize {
        self.avps.len()
    }

    /// Whose one-time subscription (Sh) the request used up, once it has been answered with success.
    pub fn used_up(&self) -> Option<&SubscriberIdentifiers> {
        match &self.reply {
            Reply::Sh(sh::Reply::Taken { used_up }) => used_up.as_deref(),
            _ => None,
        }
    }

    /// What to answer now that the events of the request are durable, `effect` being what the first of them did
    /// (`None`: there was none).
    pub fn verdict(&self, effect: Option<Effect>) -> Verdict {
        match &self.reply {
            Reply::Plain | Reply::Accounting(_) => Verdict::SUCCESS,
            Reply::S6a(reply) => reply.verdict(effect),
            Reply::S6t(reply) => reply.verdict(),
            Reply::Sh(reply) => reply.verdict(),
        }
    }

    /// What to answer if the events of the request do not become durable, `code` being what the base protocol has for the
    /// reason. A charging client is told that there is no space for its record: then it keeps it, and sends it again
    /// (RFC 6733 §7.1.4).
    pub fn refusal(&self, code: ResultCode) -> Verdict {
        Verdict::of(match self.reply {
            Reply::Accounting(_) => ResultCode::OUT_OF_SPACE,
            Reply::Plain | Reply::S6a(_) | Reply::S6t(_) | Reply::Sh(_) => code,
        })
    }

    /// Appends the answer. A protocol error (3xxx) takes the error form with the E bit.
    pub fn write(&self, out: &mut BytesMut, verdict: Verdict, identity: &LocalIdentity) {
        let (first, last) = self.avps.split_at_checked(self.last).unwrap_or_default();
        let error_form = matches!(verdict.answered, Answered::Base(code) if code.is_protocol_error());
        let mut answer = MessageBuilder::answer(out, &self.header, error_form);
        answer.encoded(first);
        match verdict.answered {
            Answered::Base(code) => answer.avp_u32(&base::RESULT_CODE, code.0),
            Answered::Experimental(ExperimentalResult { vendor, code }) => {
                answer.group(&base::EXPERIMENTAL_RESULT, |group| {
                    group
                        .avp_u32(&base::VENDOR_ID, vendor)
                        .avp_u32(&base::EXPERIMENTAL_RESULT_CODE, code);
                })
            }
        };
        // Accounting keeps no authorization session.
        if !error_form && self.header.application != base::APPLICATION_ACCOUNTING {
            let stateless = base::auth_session_state::NO_STATE_MAINTAINED;
            answer.avp_i32(&base::AUTH_SESSION_STATE, stateless);
        }
        answer
            .avp_utf8(&base::ORIGIN_HOST, &identity.origin_host)
            .avp_utf8(&base::ORIGIN_REALM, &identity.origin_realm);
        match &self.reply {
            Reply::Plain | Reply::Sh(_) => {}
            Reply::S6a(reply) => reply.write(&mut answer, verdict),
            Reply::S6t(reply) => reply.write(&mut answer, verdict),
            Reply::Accounting(reply) => reply.write(&mut answer),
        }
        answer.encoded(last).finish();
    }
}

impl std::fmt::Debug for PendingAnswer {
    /// Without the kept AVPs: a Session-Id may hold anything.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingAnswer")
            .field("header", &self.header)
            .field("reply", &self.reply)
            .finish_non_exhaustive()
    }
}
