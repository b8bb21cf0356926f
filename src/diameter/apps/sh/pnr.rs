//! Push-Notification-Request: the HSS tells of data that this node subscribed to (TS 29.328 §6.1.4).

use super::data::{Reachable, ShData, ShDataError};
use super::{Reply, changes, identity};
use crate::diameter::apps::read::required;
use crate::diameter::apps::{Asked, Decoded, Reply as AnyReply};
use crate::diameter::codec::{Defect, ExperimentalResult, Message, ResultCode};
use crate::diameter::dict::{sh, tgpp};
use crate::domain::{Event, Timestamp};

/// Everything happened when it was received: Sh carries no time.
///
/// Whether the subscriber was asked about is looked at first. A subscription that is certain not to exist gets 5107, upon
/// which the HSS ends it; while that cannot be told, 5012, upon which it stays. Never 5001 of Sh: the HSS would end every
/// subscription of the user.
pub(super) fn read(
    request: &Message<'_>,
    received_at: Timestamp,
    asked: &dyn Asked,
) -> Result<Decoded, Defect> {
    let user = identity::user(request)?;
    let user_data = required(request, &tgpp::USER_DATA)?;
    match asked.subscribed(&user.named) {
        Some(true) => {}
        Some(false) => return Ok(refused(sh::NO_SUBSCRIPTION_TO_DATA)),
        None => return Err(Defect::new(ResultCode::UNABLE_TO_COMPLY)),
    }
    let data = match ShData::parse(user_data.data) {
        Ok(data) => data,
        Err(ShDataError::TooMuch(_)) => return Ok(refused(sh::TOO_MUCH_DATA)),
        Err(_) => return Err(Defect::invalid_value(&user_data)),
    };
    let used_up = (data.reachable != Reachable::default()).then(|| Box::new(user.named));
    let changes = changes(&data, received_at);
    let event = (!changes.is_empty()).then(|| Event::new(user.all, received_at, received_at, changes));
    Ok(Decoded::replying(event, AnyReply::Sh(Reply::Taken { used_up })))
}

fn refused(result: ExperimentalResult) -> Decoded {
    Decoded::replying(None, AnyReply::Sh(Reply::Refused(result)))
}
