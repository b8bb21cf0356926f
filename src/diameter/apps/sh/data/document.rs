//! Which elements of Sh-Data are read, and what their values may be (TS 29.328 annexes C and D).
//!
//! Each release of the standard nests one more `Extension` for what it adds. An element is therefore looked for by name
//! below the group it belongs to, through any number of extensions. Whatever else stands there is stepped over, with all
//! that it contains: in transparent data anything may have the name of anything.

use super::error::{Bound, ShDataError};
use super::walk::{Visitor, is_space};
use super::{CsUserState, ImsUserState, Location, MAX_DEPTH, MAX_TEXT, ShData, UserState};
use crate::domain::Node;

/// Groups, whose members matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    ShData,
    Ims,
    Reachability,
    SmsRegistration,
    Location(Domain),
}

/// Whose location is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    Cs,
    Ps,
    Eps,
}

/// Elements whose value matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    EpsUserState,
    PsUserState,
    FiveGsUserState,
    CsUserState,
    ImsUserState,
    Reachable(Access),
    IpSmGwNumber,
    MmeName,
    SgsnNumber,
    MscNumber,
    VlrNumber,
    Age(Domain),
    CurrentLocationRetrieved(Domain),
}

/// By what the device can be reached for IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Mme,
    Sgsn,
    Amf3gpp,
    AmfNon3gpp,
}

/// Where the walk is: what the innermost open element is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Group(Group),
    Field(Field),
    Unread,
}

/// Collects what matters while a document is walked through.
#[derive(Debug, Default)]
pub(super) struct Document {
    data: ShData,
    /// One place for each open element.
    places: Vec<Place>,
    /// The value of the innermost field so far.
    value: String,
    vlr: Option<Node>,
}

impl Document {
    /// What was collected.
    pub(super) fn into_data(self) -> ShData {
        let Self { mut data, vlr, .. } = self;
        data.cs_location.node = data.cs_location.node.or(vlr);
        data
    }
}

impl Visitor for Document {
    fn open(&mut self, name: &str) -> Result<(), ShDataError> {
        let place = match self.places.last() {
            None if name == "Sh-Data" => Place::Group(Group::ShData),
            None => return Err(ShDataError::NotShData),
            Some(Place::Group(group)) => group.member(name),
            Some(Place::Field(_) | Place::Unread) => Place::Unread,
        };
        if let Place::Field(_) = place {
            self.value.clear();
        }
        if self.places.capacity() == 0 {
            self.places.reserve_exact(MAX_DEPTH);
        }
        self.places.push(place);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), ShDataError> {
        if let Some(Place::Field(_)) = self.places.last() {
            if self.value.len() + text.len() > MAX_TEXT {
                return Err(ShDataError::TooMuch(Bound::Text));
            }
            self.value.push_str(text);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), ShDataError> {
        let Some(Place::Field(field)) = self.places.pop() else {
            return Ok(());
        };
        let value = std::mem::take(&mut self.value);
        let set = self.set(
            field,
            value.trim_matches(|c: char| u8::try_from(c).is_ok_and(is_space)),
        );
        self.value = value;
        set
    }
}

impl Group {
    /// What an element of that name is within the group, or within an extension of it.
    fn member(self, name: &str) -> Place {
        if name == "Extension" {
            return Place::Group(self);
        }
        let group = match (self, name) {
            (Self::ShData, "Sh-IMS-Data") => Some(Self::Ims),
            (Self::ShData, "CSLocationInformation") => Some(Self::Location(Domain::Cs)),
            (Self::ShData, "PSLocationInformation") => Some(Self::Location(Domain::Ps)),
            (Self::ShData, "EPSLocationInformation") => Some(Self::Location(Domain::Eps)),
            (Self::Ims, "UEReachabilityForIP") => Some(Self::Reachability),
            (Self::Ims, "SMSRegistrationInfo") => Some(Self::SmsRegistration),
            _ => None,
        };
        let field = || {
            Some(match (self, name) {
                (Self::ShData, "EPSUserState") => Field::EpsUserState,
                (Self::ShData, "PSUserState") => Field::PsUserState,
                (Self::ShData, "Sh-5GSUserState") => Field::FiveGsUserState,
                (Self::ShData, "CSUserState") => Field::CsUserState,
                (Self::Ims, "IMSUserState") => Field::ImsUserState,
                (Self::Reachability, name) => Field::Reachable(Access::of_member(name)?),
                (Self::SmsRegistration, "IP-SM-GW-Number") => Field::IpSmGwNumber,
                (Self::Location(Domain::Eps), "MMEName") => Field::MmeName,
                (Self::Location(Domain::Ps), "SGSNNumber") => Field::SgsnNumber,
                (Self::Location(Domain::Cs), "MSCNumber") => Field::MscNumber,
                (Self::Location(Domain::Cs), "VLRNumber") => Field::VlrNumber,
                (Self::Location(domain), "AgeOfLocationInformation") => Field::Age(domain),
                (Self::Location(domain), "CurrentLocationRetrieved") => {
                    Field::CurrentLocationRetrieved(domain)
                }
                _ => return None,
            })
        };
        match group {
            Some(group) => Place::Group(group),
            None => field().map_or(Place::Unread, Place::Field),
        }
    }
}

impl Access {
    /// Members of UEReachabilityForIP begin alike; renderings of the schema differ in how they write the rest.
    fn of_member(name: &str) -> Option<Self> {
        let access = name.strip_prefix("UEIPReachability")?;
        [
            ("MME", Self::Mme),
            ("SGSN", Self::Sgsn),
            ("AMF3GPP", Self::Amf3gpp),
            ("AMFnon3GPP", Self::AmfNon3gpp),
        ]
        .into_iter()
        .find_map(|(written, known)| written.eq_ignore_ascii_case(access).then_some(known))
    }
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::EpsUserState => "EPSUserState",
            Self::PsUserState => "PSUserState",
            Self::FiveGsUserState => "Sh-5GSUserState",
            Self::CsUserState => "CSUserState",
            Self::ImsUserState => "IMSUserState",
            Self::Reachable(_) => "UEReachabilityForIP",
            Self::IpSmGwNumber => "IP-SM-GW-Number",
            Self::MmeName => "MMEName",
            Self::SgsnNumber => "SGSNNumber",
            Self::MscNumber => "MSCNumber",
            Self::VlrNumber => "VLRNumber",
            Self::Age(_) => "AgeOfLocationInformation",
            Self::CurrentLocationRetrieved(_) => "CurrentLocationRetrieved",
        }
    }
}

impl Document {
    fn set(&mut self, field: Field, value: &str) -> Result<(), ShDataError> {
        let data = &mut self.data;
        match field {
            Field::EpsUserState => once(&mut data.eps_state, field, UserState::read(value)),
            Field::PsUserState => once(&mut data.ps_state, field, UserState::read(value)),
            Field::FiveGsUserState => once(&mut data.five_gs_state, field, UserState::read(value)),
            Field::CsUserState => once(&mut data.cs_state, field, CsUserState::read(value)),
            Field::ImsUserState => once(&mut data.ims_state, field, ImsUserState::read(value)),
            Field::Reachable(access) => {
                // REACHABLE is the one value there is.
                if value != "0" {
                    return Err(ShDataError::Value(field.name()));
                }
                let reachable = &mut data.reachable;
                *match access {
                    Access::Mme => &mut reachable.mme,
                    Access::Sgsn => &mut reachable.sgsn,
                    Access::Amf3gpp => &mut reachable.amf_3gpp,
                    Access::AmfNon3gpp => &mut reachable.amf_non_3gpp,
                } = true;
                Ok(())
            }
            // Registered with no gateway is not registered.
            Field::IpSmGwNumber if value.is_empty() => Ok(()),
            Field::IpSmGwNumber => once(&mut data.ip_sm_gw, field, number(value)),
            Field::MmeName => once(&mut data.eps_location.node, field, Node::parse(value).ok()),
            Field::SgsnNumber => once(&mut data.ps_location.node, field, number(value)),
            Field::MscNumber => once(&mut data.cs_location.node, field, number(value)),
            Field::VlrNumber => once(&mut self.vlr, field, number(value)),
            Field::Age(domain) => once(&mut location(data, domain).age_minutes, field, minutes(value)),
            Field::CurrentLocationRetrieved(domain) => {
                once(&mut location(data, domain).current, field, boolean(value))
            }
        }
    }
}

fn location(data: &mut ShData, domain: Domain) -> &mut Location {
    match domain {
        Domain::Cs => &mut data.cs_location,
        Domain::Ps => &mut data.ps_location,
        Domain::Eps => &mut data.eps_location,
    }
}

/// Sets what may be told once.
fn once<T>(place: &mut Option<T>, field: Field, value: Option<T>) -> Result<(), ShDataError> {
    let value = value.ok_or_else(|| ShDataError::Value(field.name()))?;
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ShDataError::Repeated(field.name())),
    }
}

/// An international number of a node, without the plus that some write before it.
fn number(value: &str) -> Option<Node> {
    let digits = value.strip_prefix('+').unwrap_or(value);
    let sound = (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    Node::parse(digits).ok().filter(|_| sound)
}

/// tAgeOfLocationInformation.
fn minutes(value: &str) -> Option<u16> {
    let digits = value.bytes().all(|digit| digit.is_ascii_digit());
    value.parse().ok().filter(|minutes| digits && *minutes <= 32_767)
}

/// tBool.
fn boolean(value: &str) -> Option<bool> {
    match value {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
