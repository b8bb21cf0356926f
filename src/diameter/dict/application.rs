//! The applications that this node serves (RFC 6733 §2.4).

use super::{accounting, base, s6a, s6c, s6t, sh, t6a, tgpp};

/// How an application is advertised in capabilities exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advertised {
    /// Auth-Application-Id within Vendor-Specific-Application-Id, as 3GPP applications are.
    VendorSpecific {
        /// Whose application it is.
        vendor: u32,
    },
    /// Acct-Application-Id by itself.
    Accounting,
}

/// One application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Application {
    /// The name used in configuration, metrics and output.
    pub name: &'static str,
    /// Application-Id.
    pub id: u32,
    /// How it is advertised.
    pub advertised: Advertised,
    /// Whether it is read from copies only: this node has no part to play in it, and whoever addressed it would be
    /// answered by nobody who knows. A peer that is not in mode `copy` is not offered it.
    pub copies_only: bool,
}

const fn tgpp(name: &'static str, id: u32) -> Application {
    Application {
        name,
        id,
        advertised: Advertised::VendorSpecific {
            vendor: tgpp::VENDOR_ID,
        },
        copies_only: false,
    }
}

/// Every application served, in the order in which they are advertised.
pub const APPLICATIONS: &[Application] = &[
    Application {
        copies_only: true,
        ..tgpp("s6a", s6a::APPLICATION)
    },
    tgpp("s6c", s6c::APPLICATION),
    tgpp("s6t", s6t::APPLICATION),
    tgpp("t6a", t6a::APPLICATION),
    tgpp("sh", sh::APPLICATION),
    Application {
        name: "rf",
        id: accounting::APPLICATION,
        advertised: Advertised::Accounting,
        copies_only: false,
    },
];

/// The application of that Application-Id.
pub fn application(id: u32) -> Option<&'static Application> {
    APPLICATIONS.iter().find(|application| application.id == id)
}

/// The application of that name, whatever its case.
pub fn application_named(name: &str) -> Option<&'static Application> {
    APPLICATIONS
        .iter()
        .find(|application| application.name.eq_ignore_ascii_case(name))
}

/// The name of an application for people: `base` for the base protocol, `other` for one that is not served.
pub fn application_name(id: u32) -> &'static str {
    match application(id) {
        Some(application) => application.name,
        None if id == base::APPLICATION => "base",
        None => "other",
    }
}
