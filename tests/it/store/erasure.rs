//! What was erased, as every engine has to keep it, and how rows go.

use reachd::domain::{Facts, Identifier, Imsi, IpFacts, Node, Pseudonym, SubscriberId, Timestamp};
use reachd::store::{
    Batch, BindingRow, ErasureRow, ErasureStore, IpSessionRow, RegistrationRow, Store, StoredKey,
};

use super::contract::{crowd, cut, stored};
use super::generate::{Random, at, batch, external, imsi, msisdn};
use super::on_each_engine;

fn who(n: u8) -> Pseudonym {
    Pseudonym::from_bytes([n; 16])
}

/// All but when it was received: an erasure does not look at that.
fn facts(mut batch: Batch) -> Batch {
    batch
        .registrations
        .iter_mut()
        .for_each(|row| row.received_at = at(1));
    batch
}

/// What is left of rows after erasures.
fn after(rows: &(Vec<RegistrationRow>, Vec<BindingRow>), floors: &[(SubscriberId, Timestamp)]) -> Batch {
    let floor_of = |id: SubscriberId| {
        floors
            .iter()
            .filter(|(erased, _)| *erased == id)
            .map(|(_, floor)| *floor)
            .max()
    };
    let joined = batch(&rows.0, &rows.1);
    let registrations: Vec<_> = joined
        .registrations
        .into_iter()
        .filter_map(|mut row| {
            if let Some(floor) = floor_of(row.subscriber) {
                row.facts = row.facts.after(floor);
            }
            (row.facts != Facts::default()).then_some(row)
        })
        .collect();
    let bindings: Vec<_> = joined
        .bindings
        .into_iter()
        .filter(|row| {
            let floor = floor_of(row.subscriber).max(floor_of(row.identifier.subscriber()));
            Some(row.bound_at) > floor
        })
        .collect();
    batch(&registrations, &bindings)
}

on_each_engine! {
    async fn what_is_erased_is_cut_off_at_its_time_and_nobody_else_is_touched(fresh) {
        let rows = crowd(21, 600);
        for batch in cut(&rows, &mut Random(22)) {
            fresh.store.commit(&batch).await.unwrap();
        }
        let mut random = Random(23);
        let floors = [
            (imsi(1), random.time()),
            (imsi(2), Timestamp::MAX),
            (msisdn(1).subscriber(), random.time()),
            (external(2).subscriber(), Timestamp::MAX),
        ];
        let erased = fresh.store.erase(&floors).await.unwrap();
        assert!(erased.registrations > 0 && erased.identifiers > 0, "{erased:?}");
        assert!(stored(&fresh.store).await == after(&rows, &floors));
        let again = fresh.store.erase(&floors).await.unwrap();
        assert_eq!(again.total(), 0, "{again:?}");
    }

    async fn what_is_newer_may_be_committed_before_the_erasure_or_behind_it(fresh) {
        let rows = crowd(31, 400);
        let floors = [(imsi(0), at(1_700_000_006_000_006)), (msisdn(2).subscriber(), at(1_700_000_003_000_003))];
        for batch in cut(&rows, &mut Random(32)) {
            fresh.store.commit(&batch).await.unwrap();
            fresh.store.erase(&floors).await.unwrap();
        }
        assert!(facts(stored(&fresh.store).await) == facts(after(&rows, &floors)));
    }

    async fn addresses_go_with_their_subscriber(fresh) {
        let session = |subscriber, started, ended| IpSessionRow {
            subscriber,
            session: Node::parse("session-1").unwrap(),
            address: None,
            facts: IpFacts { started_at: started, ended_at: ended },
        };
        let ip_sessions = vec![
            session(imsi(1), Some(at(5)), Some(at(20))),
            session(imsi(2), Some(at(5)), None),
            session(imsi(3), Some(at(5)), None),
        ];
        fresh.store.commit(&Batch { ip_sessions, ..Batch::default() }).await.unwrap();
        let floors = [(imsi(1), at(10)), (imsi(2), at(10))];
        let erased = fresh.store.erase(&floors).await.unwrap();
        assert_eq!(erased.ip_sessions, 2, "one was cut and one went");
        assert_eq!(fresh.store.erase(&floors).await.unwrap().total(), 0);
        assert_eq!(fresh.store.erase(&[(imsi(1), at(20)), (imsi(3), at(5))]).await.unwrap().ip_sessions, 2);
    }

    async fn the_newest_erasure_of_each_identifier_is_kept_until_it_is_forgotten(fresh) {
        let store = &fresh.store;
        assert_eq!(store.erasures(None).await.unwrap(), (vec![], None));
        let row = |n, micros| ErasureRow { who: who(n), erased_at: at(micros) };
        store.note_erasures(&[row(1, 10), row(2, 20)]).await.unwrap();
        let (_, first) = store.erasures(None).await.unwrap();
        store.note_erasures(&[row(1, 5), row(2, 30), row(3, 7)]).await.unwrap();
        let (mut rows, newest) = store.erasures(None).await.unwrap();
        rows.sort_by_key(|row| row.who);
        assert_eq!(rows, [row(1, 10), row(2, 30), row(3, 7)]);
        assert!(newest >= first && first.is_some());
        // Who follows sees what is noted again.
        let (followed, _) = fresh.reopened().await.erasures(newest).await.unwrap();
        assert!(followed.contains(&row(3, 7)));
        assert_eq!(store.erasures(newest.map(|at| at + 1)).await.unwrap(), (vec![], None));
        assert_eq!(store.forget_erasures(at(10)).await.unwrap(), 1);
        assert_eq!(store.erasures(None).await.unwrap().0.len(), 2);
    }

    async fn whoever_comes_first_says_which_key_it_is(fresh) {
        let first = StoredKey { fingerprint: who(1), octets: Some([7; 32]) };
        let second = StoredKey { fingerprint: who(2), octets: None };
        assert_eq!(fresh.store.pseudonym_key(&first).await.unwrap(), first);
        assert_eq!(fresh.reopened().await.pseudonym_key(&second).await.unwrap(), first);
    }

    async fn bindings_are_found_by_whom_they_name(fresh) {
        let bind = |identifier: Identifier, subscriber| BindingRow { identifier, subscriber, bound_at: at(5) };
        let bindings = vec![
            bind(external(1), imsi(1)),
            bind(msisdn(1), imsi(1)),
            bind(msisdn(2), imsi(2)),
        ];
        fresh.store.commit(&batch(&[], &bindings)).await.unwrap();
        let mut found = fresh.store.bindings_of(&[imsi(1), imsi(3)]).await.unwrap();
        found.sort_by_key(|row| row.identifier.subscriber());
        assert_eq!(batch(&[], &found), batch(&[], &bindings[..2]));
        assert!(fresh.store.bindings_of(&[]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn no_octet_of_what_was_erased_stays_in_the_embedded_file() {
    let fresh = super::Fresh::sqlite().await;
    let secret = "999000000123";
    let bindings: Vec<_> = (0..2000)
        .map(|n| BindingRow {
            identifier: msisdn(n),
            subscriber: imsi(n),
            bound_at: at(5),
        })
        .collect();
    fresh
        .store
        .commit(&Batch {
            bindings,
            ..Batch::default()
        })
        .await
        .unwrap();
    let files = || {
        let path = std::path::PathBuf::from(fresh.config.url.trim_start_matches("sqlite://"));
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let read: Vec<u8> = files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        read
    };
    let is_there = || {
        files()
            .windows(secret.len())
            .any(|octets| octets == secret.as_bytes())
    };
    assert!(is_there());
    let subscriber = SubscriberId::from(Imsi::parse("001010000000123").unwrap());
    let erased = fresh.store.erase(&[(subscriber, at(10))]).await.unwrap();
    assert_eq!(erased.identifiers, 1);
    assert!(!is_there());
}
