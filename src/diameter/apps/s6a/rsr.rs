//! Reset-Request: an HSS has restarted and may have lost what it knew (TS 29.272 §5.2.4.1).

use crate::diameter::apps::read::origin_host;
use crate::diameter::apps::{Doubt, ImsiPrefix};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::tgpp;

/// The subscribers are those of the HSS in Origin-Host, as far as User-Id and Reset-ID narrow them down. Changes no
/// registration: nodes register their subscribers again at their next sign of life.
pub(super) fn read(request: &Message<'_>) -> Result<Doubt, Defect> {
    let mut doubt = Doubt {
        server: origin_host(request)?,
        imsi_prefixes: Vec::new(),
        reset_ids: Vec::new(),
    };
    for avp in request.find_all(&tgpp::USER_ID) {
        let prefix = ImsiPrefix::parse(avp.as_utf8()?).ok_or_else(|| Defect::invalid_value(&avp))?;
        doubt.imsi_prefixes.push(prefix);
    }
    for avp in request.find_all(&tgpp::RESET_ID) {
        if avp.data.is_empty() {
            return Err(Defect::invalid_value(&avp));
        }
        doubt.reset_ids.push(avp.data.into());
    }
    Ok(doubt)
}
