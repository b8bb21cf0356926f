//! What an HSS answers to a request of ours: User-Data-Answer and Subscribe-Notifications-Answer.

use super::data::{ShData, ShDataError};
use crate::diameter::apps::{Answered, read};
use crate::diameter::codec::{Defect, ExperimentalResult, Message, ResultCode};
use crate::diameter::dict::tgpp;
use crate::domain::Timestamp;

/// What a success answer tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// User-Data; empty where there is none.
    pub data: ShData,
    /// Expiry-Time: when the subscription ends. `None`: never.
    pub expires: Option<Timestamp>,
}

impl Told {
    /// Reads an answer whose result is a success.
    ///
    /// # Errors
    /// [`Untold`], if there is something that cannot be read.
    pub fn read(answer: &Message<'_>) -> Result<Self, Untold> {
        let data = match answer.find(&tgpp::USER_DATA) {
            Some(user_data) => ShData::parse(user_data.data)?,
            None => ShData::default(),
        };
        let expires = match answer.find(&tgpp::EXPIRY_TIME) {
            Some(time) => read::time(&time)?,
            None => None,
        };
        Ok(Self { data, expires })
    }
}

/// Why a success answer tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// Its User-Data.
    #[error("the HSS sent data that cannot be read: {0}")]
    Data(#[from] ShDataError),
    /// Another AVP of it.
    #[error("the HSS sent an answer that cannot be read: {0}")]
    Defect(#[from] Defect),
}

/// Why an HSS refused what it was asked, in words for operators. No text names the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 5001, 5002 of Sh.
    #[error("the HSS does not know this user ({})", .0.code())]
    UserUnknown(Answered),
    /// 5101, 5102, 5104 of Sh, and 5003 of the base protocol.
    #[error("the HSS does not allow this node to ask for that ({})", .0.code())]
    NotAllowed(Answered),
    /// 5011, 5100 of Sh: nothing that this HSS has.
    #[error("the HSS does not have such data ({})", .0.code())]
    NotSupported(Answered),
    /// 4100, 4101, 5106 of Sh: not now.
    #[error("the HSS cannot tell it now ({})", .0.code())]
    NotNow(Answered),
    /// The request could not be delivered, or was not taken as it was.
    #[error("the request was refused: {}", words(.0))]
    Other(Answered),
}

impl Refusal {
    /// Reads the result of an answer that is no success.
    pub fn of(answered: Answered) -> Self {
        let Answered::Experimental(ExperimentalResult {
            vendor: tgpp::VENDOR_ID,
            code,
        }) = answered
        else {
            return match answered {
                Answered::Base(ResultCode::AUTHORIZATION_REJECTED) => Self::NotAllowed(answered),
                _ => Self::Other(answered),
            };
        };
        match code {
            5001 | 5002 => Self::UserUnknown(answered),
            5101 | 5102 | 5104 => Self::NotAllowed(answered),
            5011 | 5100 => Self::NotSupported(answered),
            4100 | 4101 | 5106 => Self::NotNow(answered),
            _ => Self::Other(answered),
        }
    }

    /// The word for it in metrics and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserUnknown(_) => "user_unknown",
            Self::NotAllowed(_) => "not_allowed",
            Self::NotSupported(_) => "not_supported",
            Self::NotNow(_) => "not_now",
            Self::Other(_) => "refused",
        }
    }

    /// What was answered.
    pub fn answered(self) -> Answered {
        match self {
            Self::UserUnknown(answered)
            | Self::NotAllowed(answered)
            | Self::NotSupported(answered)
            | Self::NotNow(answered)
            | Self::Other(answered) => answered,
        }
    }
}

fn words(answered: &Answered) -> String {
    match answered {
        Answered::Base(code) => code.to_string(),
        Answered::Experimental(ExperimentalResult { vendor, code }) => {
            format!("experimental result {code} of vendor {vendor}")
        }
    }
}
