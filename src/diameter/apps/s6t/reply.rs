//! Reporting-Information-Answer (TS 29.336 §8.2.6).

use smallvec::SmallVec;

use crate::diameter::apps::{Answered, Verdict};
use crate::diameter::codec::MessageBuilder;
use crate::diameter::dict::s6t::{self, SCEF_REFERENCE_ID_UNKNOWN};
use crate::diameter::dict::{base, tgpp};

use super::reading::Reference;
use super::{Notice, ReportKind};

/// What a RIA says beside its result, and what its request said of what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(Box<Content>);

/// Boxed, so that answers of other applications do not pay for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    unknown: SmallVec<[Reference; 1]>,
    notices: Vec<Notice>,
    kinds: SmallVec<[ReportKind; 4]>,
    features: Option<u32>,
}

impl Reply {
    pub(super) fn new(
        unknown: SmallVec<[Reference; 1]>,
        notices: Vec<Notice>,
        kinds: SmallVec<[ReportKind; 4]>,
        features: Option<u32>,
    ) -> Self {
        Self(Box::new(Content {
            unknown,
            notices,
            kinds,
            features,
        }))
    }

    /// What has to be known, durably, before the answer leaves.
    pub fn notices(&self) -> &[Notice] {
        &self.0.notices
    }

    /// What each report was about.
    pub fn kinds(&self) -> &[ReportKind] {
        &self.0.kinds
    }

    /// DIAMETER_SUCCESS, or DIAMETER_ERROR_SCEF_REFERENCE_ID_UNKNOWN if one reference is not in use: the HSS then forgets
    /// that one.
    pub(in crate::diameter::apps) fn verdict(&self) -> Verdict {
        if self.0.unknown.is_empty() {
            return Verdict::SUCCESS;
        }
        Verdict {
            answered: Answered::Experimental(SCEF_REFERENCE_ID_UNKNOWN),
            detail: 0,
        }
    }

    /// Appends the features both sides have, and the references that are not in use. Those that are may be left out.
    pub(in crate::diameter::apps) fn write(&self, answer: &mut MessageBuilder<'_>, verdict: Verdict) {
        if verdict != self.verdict() {
            return;
        }
        if let Some(features) = self.0.features {
            supported_features(answer, features);
        }
        for reference in &self.0.unknown {
            answer.group(&tgpp::MONITORING_EVENT_REPORT_STATUS, |status| {
                status.avp_u32(&tgpp::SCEF_REFERENCE_ID, reference.short);
                if let Some(extended) = reference.extended {
                    status.avp_u64(&tgpp::SCEF_REFERENCE_ID_EXT, extended);
                }
                status.avp_u32(&base::EXPERIMENTAL_RESULT_CODE, SCEF_REFERENCE_ID_UNKNOWN.code);
            });
        }
    }
}

/// Supported-Features of S6t, list 1 (TS 29.336 §8.4.37, §8.4.38).
pub(super) fn supported_features(message: &mut MessageBuilder<'_>, features: u32) {
    message.group(&tgpp::SUPPORTED_FEATURES, |group| {
        group
            .avp_u32(&base::VENDOR_ID, tgpp::VENDOR_ID)
            .avp_u32(&tgpp::FEATURE_LIST_ID, s6t::features::LIST_ID)
            .avp_u32(&tgpp::FEATURE_LIST, features);
    });
}
