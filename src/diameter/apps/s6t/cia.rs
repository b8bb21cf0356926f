//! Configuration-Information-Answer (TS 29.336 §8.2.4): what an HSS made of what was asked.

use smallvec::SmallVec;

use crate::diameter::apps::{Answered, Asked};
use crate::diameter::codec::{Avp, Defect, ExperimentalResult, Message, ResultCode};
use crate::diameter::dict::s6t::{
    CONFIGURATION_EVENT_NON_EXISTANT, CONFIGURATION_EVENT_STORAGE_NOT_SUCCESSFUL, hss_cause,
};
use crate::diameter::dict::{base, tgpp};
use crate::domain::{Event, Timestamp};

use super::Notice;
use super::reading::{Reading, refusal};

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The result of the whole.
    pub result: Answered,
    /// References whose configuration was refused although the whole was not, each with the reason. What is not named
    /// here was taken.
    pub refused: SmallVec<[(u32, Answered); 3]>,
    /// What is known at once: reports that came with the answer.
    pub events: SmallVec<[Event; 1]>,
    /// What the answer says of what was asked, beyond its results.
    pub notices: Vec<Notice>,
    /// No MME and no SGSN serves the subscriber, as far as the HSS knows: see [`absent`](super::absent).
    pub is_absent: bool,
}

/// What to do about a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is done.
    Done,
    /// What was to be replaced or ended was not there, and nothing was done.
    NothingThere,
    /// It may succeed later.
    Transient,
    /// It will not succeed until something is changed at the HSS, or in what is asked.
    Permanent,
}

impl Answer {
    /// Reads a CIA to what `asked` knows of.
    ///
    /// What it tells is of the moment at which it was asked, unless a report has a time of its own: a node has told it to the
    /// HSS since, and whatever the network reported by itself meanwhile is newer.
    ///
    /// # Errors
    ///
    /// The answer cannot be understood: the transaction has failed, and nothing is sent back.
    pub fn read(
        answer: &Message<'_>,
        asked_at: Timestamp,
        received_at: Timestamp,
        asked: &dyn Asked,
    ) -> Result<Self, Defect> {
        if let Some(defect) = answer.defects().first() {
            return Err(defect.clone());
        }
        let result = result(answer)?;
        let mut refused = SmallVec::new();
        for avp in answer.find_all(&tgpp::MONITORING_EVENT_CONFIG_STATUS) {
            let status = avp.grouped()?;
            let reference = status
                .find(&tgpp::SCEF_REFERENCE_ID)
                .ok_or_else(|| Defect::missing(&tgpp::SCEF_REFERENCE_ID))?
                .as_u32()?;
            if let Some(reason) = refusal(&status)? {
                refused.push((reference, reason));
            }
        }
        let is_absent = match answer.find(&tgpp::S6T_HSS_CAUSE) {
            Some(avp) => avp.as_u32()? & hss_cause::ABSENT_SUBSCRIBER != 0,
            None => false,
        };
        let mut reading = Reading::new(asked, None, received_at).of(asked_at);
        reading.message(answer)?;
        reading.state(answer)?;
        let (events, notices) = reading.into_events_and_notices();
        Ok(Self {
            result,
            refused,
            events,
            notices,
            is_absent,
        })
    }
}

/// Result-Code or Experimental-Result. TS 29.336 words success as an Experimental-Result of DIAMETER_SUCCESS in places.
fn result(answer: &Message<'_>) -> Result<Answered, Defect> {
    if let Some(avp) = answer.find(&base::RESULT_CODE) {
        return Ok(Answered::Base(ResultCode(avp.as_u32()?)));
    }
    let experimental = answer
        .find(&base::EXPERIMENTAL_RESULT)
        .ok_or_else(|| Defect::missing(&base::RESULT_CODE))?
        .grouped()?;
    let number = |def| {
        experimental
            .find(def)
            .map(|avp: Avp<'_>| avp.as_u32())
            .transpose()
    };
    let code = number(&base::EXPERIMENTAL_RESULT_CODE)?
        .ok_or_else(|| Defect::missing(&base::EXPERIMENTAL_RESULT_CODE))?;
    let vendor = number(&base::VENDOR_ID)?.unwrap_or(tgpp::VENDOR_ID);
    Ok(Answered::Experimental(ExperimentalResult { vendor, code }))
}

impl Judgement {
    /// Judges a result, of a whole answer or of one reference:
    ///
    /// * success: done;
    /// * 5514: what was to be replaced or ended was not there;
    /// * whatever concerns the way or the moment: transient. All of 3xxx and 4xxx, 5006 (a node is out of resources),
    ///   5012 and 5513;
    /// * anything else: permanent. Among them 5001 user unknown, 5510 and 5511 not authorised.
    pub fn of(result: Answered) -> Self {
        match result {
            Answered::Base(code) if code.is_success() => Self::Done,
            Answered::Experimental(result) if ResultCode(result.code).is_success() => Self::Done,
            Answered::Experimental(CONFIGURATION_EVENT_NON_EXISTANT) => Self::NothingThere,
            Answered::Experimental(CONFIGURATION_EVENT_STORAGE_NOT_SUCCESSFUL)
            | Answered::Base(ResultCode::RESOURCES_EXCEEDED | ResultCode::UNABLE_TO_COMPLY) => {
                Self::Transient
            }
            // Nodes put these two into the vendor's number space as well; 3GPP has no others of those numbers.
            Answered::Experimental(ExperimentalResult {
                code: 5006 | 5012, ..
            }) => Self::Transient,
            Answered::Base(ResultCode(code)) | Answered::Experimental(ExperimentalResult { code, .. }) => {
                match code / 1000 {
                    5 => Self::Permanent,
                    _ => Self::Transient,
                }
            }
        }
    }
}
