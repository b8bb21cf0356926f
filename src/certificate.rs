//! What a certificate says of its holder: names, and for how long.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, DnsName, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

/// The certificate of one end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate(CertificateDer<'static>);

/// What is wrong with a certificate's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// For that much longer.
    ValidFor(Duration),
    /// Since that long.
    ExpiredFor(Duration),
    /// It begins only then.
    ValidIn(Duration),
}

impl Certificate {
    /// `None` if that is no X.509 certificate.
    pub(crate) fn new(der: &CertificateDer<'_>) -> Option<Self> {
        EndEntityCert::try_from(der).ok()?;
        Some(Self(der.clone().into_owned()))
    }

    /// Whether one of its dNSName entries is that name, such as a Diameter identity, without regard to case (RFC 6733 §13.1,
    /// RFC 6125).
    ///
    /// A left-most label `*` stands for any one label if at least two labels follow it. Nothing else counts: neither the
    /// common name of the subject, nor addresses or URIs.
    pub(crate) fn names(&self, identity: &str) -> bool {
        let (Ok(name), Ok(certificate)) = (DnsName::try_from(identity), EndEntityCert::try_from(&self.0))
        else {
            return false;
        };
        certificate
            .verify_is_valid_for_subject_name(&ServerName::DnsName(name))
            .is_ok()
    }

    /// How it stands at a point in time; `None` if it does not say.
    pub(crate) fn validity(&self, now: UnixTime) -> Option<Validity> {
        let now = Duration::from_secs(now.as_secs());
        match self.ends_or_begins(now)? {
            Bound::End(end) => Some(Validity::ExpiredFor(now.saturating_sub(end))),
            Bound::Begin(begin) => Some(Validity::ValidIn(begin.saturating_sub(now))),
            Bound::Neither => {
                let end = self.not_after()?;
                Some(Validity::ValidFor(end.saturating_sub(now)))
            }
        }
    }

    /// What its time calls for, if anything, as a sentence. `others` are those who look at it.
    pub(crate) fn warning(&self, now: UnixTime, others: &str) -> Option<String> {
        match self.validity(now)? {
            Validity::ExpiredFor(past) => Some(format!(
                "expired {} ago; {others} refuse it until it is replaced",
                days(past)
            )),
            Validity::ValidIn(wait) => Some(format!(
                "is not valid before {} from now; {others} refuse it until then",
                days(wait)
            )),
            Validity::ValidFor(left) => {
                (left < SOON).then(|| format!("expires in {}; replace it", days(left)))
            }
        }
    }

    /// Its last second, since 1970.
    pub(crate) fn not_after(&self) -> Option<Duration> {
        match self.ends_or_begins(LATE)? {
            Bound::End(end) => Some(end),
            Bound::Begin(_) | Bound::Neither => None,
        }
    }

    /// Asks the verifier itself, which looks at the time before anything else and says what it missed.
    fn ends_or_begins(&self, at: Duration) -> Option<Bound> {
        let certificate = EndEntityCert::try_from(&self.0).ok()?;
        let time = UnixTime::since_unix_epoch(at);
        let verified = certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::client_auth(), None, None);
        Some(match verified {
            Err(webpki::Error::CertExpired { not_after, .. }) => {
                Bound::End(Duration::from_secs(not_after.as_secs()))
            }
            Err(webpki::Error::CertNotValidYet { not_before, .. }) => {
                Bound::Begin(Duration::from_secs(not_before.as_secs()))
            }
            Ok(_) | Err(_) => Bound::Neither,
        })
    }
}

/// An end that comes sooner is worth a word.
const SOON: Duration = Duration::from_secs(14 * DAY);
const DAY: u64 = 24 * 3600;

fn days(duration: Duration) -> String {
    match duration.as_secs() / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// The year 10000: no certificate can say a later one.
const LATE: Duration = Duration::from_secs(253_402_300_800);

/// What a certificate's time says about a moment outside of it.
enum Bound {
    End(Duration),
    Begin(Duration),
    Neither,
}
