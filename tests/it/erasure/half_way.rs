//! A daemon that was killed while it erased: the erasure is durable, and the rows are still there.

use std::time::SystemTime;

use reachd::domain::{Imsi, Msisdn, Pseudonym, PseudonymKey, SubscriberId};
use reachd::store::{AnyStore, ErasureRow, ErasureStore, Store, StoreConfig, StoredKey};

use super::*;

on_each_engine! {
    async fn an_erasure_that_was_begun_is_finished_at_the_next_start(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let (erased, other) = (Subscriber::nth(1), Subscriber::nth(2));
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        for subscriber in [&erased, &other] {
            bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;
            dra.ask(&Request::update_location(&subscriber.imsi, MME)).await.assert_result(SUCCESS);
        }
        daemon.kill();

        // As far as a daemon comes before its rows go.
        let config = StoreConfig { url: home.store_url().to_owned(), ..StoreConfig::default() };
        let store = AnyStore::open(&config).await.unwrap();
        let nobody = StoredKey { fingerprint: Pseudonym::from_bytes([0; 16]), octets: None };
        let key = PseudonymKey::new(&store.pseudonym_key(&nobody).await.unwrap().octets.unwrap());
        let ids: [SubscriberId; 2] = [
            Imsi::parse(&erased.imsi).unwrap().into(),
            Msisdn::parse(&erased.number()).unwrap().into(),
        ];
        let now = reachd::domain::Timestamp::from_system_time(SystemTime::now()).unwrap();
        store.note_erasures(&ids.map(|id| ErasureRow { who: key.of(id), erased_at: now })).await.unwrap();
        let rows = async || store.load(&mut |_| ()).await.unwrap();
        assert_eq!(rows().await, 4);

        let daemon = home.start().await;
        assert!(is_unknown(&daemon, &erased.number()).await);
        assert_eq!(daemon.lookups().phone(&other.number()).await.status, Status::ConnectedData);
        assert_eq!(rows().await, 2, "the rows have gone before it was ready");
        store.close().await;
        daemon.stop().await;
    }
}
