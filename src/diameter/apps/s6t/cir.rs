//! Configuration-Information-Request (TS 29.336 §8.2.3): what this node asks of an HSS about one target.

use smallvec::SmallVec;

use crate::diameter::codec::MessageBuilder;
use crate::diameter::dict::s6t::{monitoring_type, reachability_type, type_of_external_identifier};
use crate::diameter::dict::tgpp;
use crate::domain::{Aspect, Target};

use super::FEATURES;
use super::reply::supported_features;

/// One configuration to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// What to watch.
    pub aspect: Aspect,
    /// The reference it will be reported under.
    pub reference: u32,
    /// References of the same aspect that it replaces: the HSS ends them when it takes this one.
    pub replaces: SmallVec<[u32; 2]>,
    /// When it ends by itself, in seconds since 1970-01-01 UTC.
    pub until: i64,
    /// Whether one report is enough, whatever the aspect: a question rather than a watch.
    pub once: bool,
}

/// What to ask about one target. All configurations of one target travel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Of whom.
    pub target: Target,
    /// What to begin.
    pub begin: SmallVec<[Configuration; 3]>,
    /// References to end without replacement.
    pub end: SmallVec<[u32; 3]>,
}

impl Question {
    /// Appends what a CIR carries beyond routing: Supported-Features, User-Identifier and the configurations, with
    /// `scef` as SCEF-ID. A loss of connectivity shall be noticed within `maximum_detection_time` seconds.
    ///
    /// | aspect | Monitoring-Type | further members |
    /// |---|---|---|
    /// | loss | 0 | Maximum-Detection-Time |
    /// | data | 1 | UE-Reachability-Configuration {Reachability-Type data} |
    /// | SMS | 1 | UE-Reachability-Configuration {Reachability-Type SMS}, Maximum-Number-of-Reports 1 |
    ///
    /// All three end with Monitoring-Duration; what is asked once has a Maximum-Number-of-Reports of 1 as well. A pure deletion has a Monitoring-Type that is ignored.
    pub fn write(&self, request: &mut MessageBuilder<'_>, scef: &str, maximum_detection_time: u32) {
        supported_features(request, FEATURES);
        request.group(&tgpp::USER_IDENTIFIER, |user| match &self.target {
            Target::Msisdn(msisdn) => {
                user.avp_tbcd(&tgpp::MSISDN, &msisdn.digits());
            }
            Target::External(external) => {
                user.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, external.text());
            }
            Target::Group(group) => {
                user.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, group.text()).avp_u32(
                    &tgpp::TYPE_OF_EXTERNAL_IDENTIFIER,
                    type_of_external_identifier::GROUP,
                );
            }
        });
        for configuration in &self.begin {
            request.group(&tgpp::MONITORING_EVENT_CONFIGURATION, |group| {
                configuration.write(group, scef, maximum_detection_time);
            });
        }
        if !self.end.is_empty() {
            request.group(&tgpp::MONITORING_EVENT_CONFIGURATION, |group| {
                group
                    .avp_utf8(&tgpp::SCEF_ID, scef)
                    .avp_u32(&tgpp::MONITORING_TYPE, monitoring_type::LOSS_OF_CONNECTIVITY);
                for reference in &self.end {
                    group.avp_u32(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION, *reference);
                }
            });
        }
    }
}

impl Configuration {
    fn write(&self, group: &mut MessageBuilder<'_>, scef: &str, maximum_detection_time: u32) {
        let kind = match self.aspect {
            Aspect::Loss => monitoring_type::LOSS_OF_CONNECTIVITY,
            Aspect::Data | Aspect::Sms => monitoring_type::UE_REACHABILITY,
        };
        group
            .avp_u32(&tgpp::SCEF_REFERENCE_ID, self.reference)
            .avp_utf8(&tgpp::SCEF_ID, scef)
            .avp_u32(&tgpp::MONITORING_TYPE, kind);
        for reference in &self.replaces {
            group.avp_u32(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION, *reference);
        }
        if self.once || self.aspect.is_one_time() {
            group.avp_u32(&tgpp::MAXIMUM_NUMBER_OF_REPORTS, 1);
        }
        group.avp_time(&tgpp::MONITORING_DURATION, self.until);
        let reachability = match self.aspect {
            Aspect::Loss => {
                group.avp_u32(&tgpp::MAXIMUM_DETECTION_TIME, maximum_detection_time);
                return;
            }
            Aspect::Data => reachability_type::DATA,
            Aspect::Sms => reachability_type::SMS,
        };
        group.group(&tgpp::UE_REACHABILITY_CONFIGURATION, |group| {
            group.avp_u32(&tgpp::REACHABILITY_TYPE, reachability);
        });
    }
}
