//! What an ACA says beyond the result (RFC 6733 §9.7.2).

use crate::diameter::codec::MessageBuilder;
use crate::diameter::dict::{accounting, base};

/// What is repeated of the record, whatever the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Accounting-Record-Type.
    pub record_type: u32,
    /// Accounting-Record-Number.
    pub record_number: u32,
}

impl Reply {
    /// Appends it.
    pub(in crate::diameter::apps) fn write(self, answer: &mut MessageBuilder<'_>) {
        answer
            .avp_u32(&base::ACCOUNTING_RECORD_TYPE, self.record_type)
            .avp_u32(&base::ACCOUNTING_RECORD_NUMBER, self.record_number)
            .avp_u32(&base::ACCT_APPLICATION_ID, accounting::APPLICATION);
    }
}
