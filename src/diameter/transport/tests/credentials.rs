//! Certificate files: what is said about those that cannot be used, and whom a certificate names.

use std::path::PathBuf;
use std::time::Duration;

use rcgen::{SanType, date_time_ymd};
use rustls::pki_types::UnixTime;

use super::authority::{Authority, Folder, Pair, common_name};
use crate::certificate::Certificate;
use crate::diameter::config::TlsConfig;
use crate::diameter::transport::tls::credentials::Credentials;

fn certificate(pair: &Pair) -> Certificate {
    Certificate::new(&pair.chain()[0]).unwrap()
}

/// Each fault as (key, sentence without the folder).
fn faults(config: &TlsConfig) -> Vec<(&'static str, String)> {
    let folder = config.authorities.parent().unwrap().display().to_string();
    Credentials::read(config)
        .unwrap_err()
        .into_iter()
        .map(|fault| (fault.key, fault.text.replace(&folder, "F")))
        .collect()
}

#[test]
fn a_certificate_names_its_dns_names_without_regard_to_case_and_nothing_else() {
    let authority = Authority::new("authority");
    let pair = authority.issue_as(&["dra1.core.example", "*.edge.example"], |params| {
        params.distinguished_name = common_name("hss1.core.example");
        params
            .subject_alt_names
            .push(SanType::URI("aaa://dra9.core.example".try_into().unwrap()));
        params
            .subject_alt_names
            .push(SanType::IpAddress([127, 0, 0, 1].into()));
    });
    let certificate = certificate(&pair);
    for (identity, named) in [
        ("dra1.core.example", true),
        ("DRA1.Core.Example", true),
        ("dra2.core.example", false),
        ("a.dra1.core.example", false),
        ("core.example", false),
        ("a.edge.example", true),
        ("B.Edge.example", true),
        ("a.b.edge.example", false),
        ("edge.example", false),
        // The common name, a URI and an address are no names of a peer.
        ("hss1.core.example", false),
        ("dra9.core.example", false),
        ("127.0.0.1", false),
        ("", false),
        ("*.edge.example", false),
    ] {
        assert_eq!(certificate.names(identity), named, "{identity}");
    }
    let nameless = authority.issue_as::<&str>(&[], |params| {
        params.distinguished_name = common_name("dra1.core.example");
    });
    assert!(!self::certificate(&nameless).names("dra1.core.example"));
}

#[test]
fn every_problem_of_the_files_is_named_at_once() {
    let (authority, other) = (Authority::new("authority"), Authority::new("other"));
    let own = authority.issue(&["reachd.example"]);
    let folder = Folder::new(&authority, &own);
    assert!(Credentials::read(&folder.config()).is_ok());

    let missing = TlsConfig {
        certificate: folder
            .put("certificate.pem", &own.certificate)
            .with_file_name("none.pem"),
        ..folder.config()
    };
    let [(key, text)] = &faults(&missing)[..] else {
        panic!("one fault");
    };
    assert_eq!(*key, "certificate");
    assert!(text.starts_with("cannot read F/none.pem: "), "{text}");

    folder.put("certificate.pem", &own.key);
    folder.put("key.pem", "nothing");
    folder.put("authorities.pem", "");
    assert_eq!(
        faults(&folder.config()),
        [
            (
                "certificate",
                "there is no certificate in F/certificate.pem; it has to be PEM".to_owned()
            ),
            (
                "key",
                "there is no private key in F/key.pem; it has to be PEM and not encrypted".to_owned()
            ),
            (
                "authorities",
                "there is no certificate in F/authorities.pem; it has to be PEM".to_owned()
            ),
        ]
    );

    folder.put("authorities.pem", &other.pem().replace("-----END", "-----FIN"));
    folder.replace(&own);
    assert_eq!(
        faults(&folder.config()),
        [(
            "authorities",
            "F/authorities.pem is broken: it is not sound PEM".to_owned()
        )]
    );

    folder.put("authorities.pem", &authority.pem());
    folder.put("key.pem", &other.issue(&["reachd.example"]).key);
    assert_eq!(
        faults(&folder.config()),
        [(
            "key",
            "the private key in F/key.pem does not belong to the certificate in F/certificate.pem; \
             set both to files of one pair"
                .to_owned()
        )]
    );

    let unset = TlsConfig {
        key: PathBuf::new(),
        ..folder.config()
    };
    assert_eq!(
        faults(&unset),
        [(
            "key",
            "is not set; TLS needs certificate, key and authorities".to_owned()
        )]
    );
}

#[test]
fn a_certificate_that_will_keep_peers_away_is_a_warning() {
    let authority = Authority::new("authority");
    let now = UnixTime::now();
    let warnings = |pair: &Pair| -> Vec<String> {
        let folder = Folder::new(&authority, pair);
        let credentials = Credentials::read(&folder.config()).unwrap();
        credentials
            .warnings("Reachd.example", now)
            .into_iter()
            .map(|fault| {
                assert_eq!(fault.key, "certificate");
                fault.text
            })
            .collect()
    };
    assert_eq!(warnings(&authority.issue(&["reachd.example"])), [""; 0]);
    let [other] = &warnings(&authority.issue(&["reachd2.example"]))[..] else {
        panic!("one warning");
    };
    assert!(other.starts_with("names another host than this node"), "{other}");
    let expired = authority.issue_as(&["reachd.example"], |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let [past] = &warnings(&expired)[..] else {
        panic!("one warning");
    };
    assert!(
        past.starts_with("expired ") && past.contains(" days ago; "),
        "{past}"
    );
    let early = authority.issue_as(&["reachd.example"], |params| {
        params.not_before = date_time_ymd(3000, 1, 1);
    });
    let [wait] = &warnings(&early)[..] else {
        panic!("one warning");
    };
    assert!(wait.starts_with("is not valid before "), "{wait}");
    let soon = authority.issue_as(&["reachd.example"], |params| {
        let seconds = now.as_secs() + 3 * 24 * 3600 + 60;
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    });
    assert_eq!(warnings(&soon), ["expires in 3 days; replace it"]);
}
