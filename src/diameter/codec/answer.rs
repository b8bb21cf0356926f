//! Error answers that follow from the request alone (RFC 6733 §6.2, §7.2).

use std::sync::Arc;

use bytes::BytesMut;

use super::{Avp, Defect, Header, Message, MessageBuilder, ResultCode};
use crate::diameter::dict::{AvpDef, base};

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalIdentity {
    /// Origin-Host of everything sent.
    pub origin_host: Arc<str>,
    /// Origin-Realm of everything sent.
    pub origin_realm: Arc<str>,
}

/// What answers of 3GPP applications (TS 29.272 §7.2) and of accounting (§9.7.2) repeat of their request.
const RETURNED: [&AvpDef; 5] = [
    &base::VENDOR_SPECIFIC_APPLICATION_ID,
    &base::AUTH_SESSION_STATE,
    &base::ACCOUNTING_RECORD_TYPE,
    &base::ACCOUNTING_RECORD_NUMBER,
    &base::ACCT_APPLICATION_ID,
];

/// Appends the answer to a request that cannot be served.
///
/// A protocol error (3xxx) takes the error form, with the E bit (§7.2). Any other code leaves the command's own form, so
/// what that form may require of the request is returned as received, if it is sound.
///
/// Every Proxy-Info is returned, in its order; Route-Record is not (§6.2). There is no Error-Reporting-Host: it names a node
/// that reports an error in an answer of another's Origin-Host (§7.4), and Origin-Host is our own here.
pub fn answer_error(
    out: &mut BytesMut,
    request: &Message<'_>,
    identity: &LocalIdentity,
    defect: &Defect,
    message: Option<&str>,
) {
    let error_form = defect.result_code.is_protocol_error();
    let mut answer = MessageBuilder::answer(out, request.header(), error_form);
    if let Some(session_id) = request.find(&base::SESSION_ID) {
        answer.raw(&session_id);
    }
    if !error_form {
        for def in RETURNED {
            let sound = |avp: &Avp<'_>| def.kind.fixed_len().is_none_or(|len| len == avp.data.len());
            if let Some(avp) = request.find(def).filter(sound) {
                answer.raw(&avp);
            }
        }
    }
    answer
        .avp_u32(&base::RESULT_CODE, defect.result_code.0)
        .avp_utf8(&base::ORIGIN_HOST, &identity.origin_host)
        .avp_utf8(&base::ORIGIN_REALM, &identity.origin_realm);
    if let Some(message) = message {
        answer.avp_utf8(&base::ERROR_MESSAGE, message);
    }
    if let Some(failed) = &defect.failed_avp {
        answer.group(&base::FAILED_AVP, |group| {
            group.encoded(failed);
        });
    }
    for proxy_info in request.find_all(&base::PROXY_INFO) {
        answer.raw(&proxy_info);
    }
    answer.finish();
}

/// Appends the answer to a request of which only the header can be trusted (5011, 5015), in the error form: the
/// command's own form cannot be filled. Appends nothing if the header is that of an answer.
pub fn answer_framing_error(
    out: &mut BytesMut,
    request: &Header,
    identity: &LocalIdentity,
    result_code: ResultCode,
) {
    if !request.flags.is_request() {
        return;
    }
    MessageBuilder::answer(out, request, true)
        .avp_u32(&base::RESULT_CODE, result_code.0)
        .avp_utf8(&base::ORIGIN_HOST, &identity.origin_host)
        .avp_utf8(&base::ORIGIN_REALM, &identity.origin_realm)
        .finish();
}
