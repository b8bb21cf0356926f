//! Where all parts meet: `Config` → [`App::build`] → [`App::run`].
//!
//! ```text
//! build: recorder, store handle, every socket bound, admin up
//! run:   gRPC up (NOT_READY) ─ migrate ─ load index ─ ready ─ Diameter up
//! stop:  1 unready  2 no new connections  3 Disconnect-Peer and last acknowledgements
//!        4 flush to the store  5 close the store  6 admin last
//! ```

mod asked;
mod asking;
mod feeds;
mod loading;
mod lookups;
mod running;
mod scrape;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use asked::Everything;
use asking::Askable;
use loading::{load, patiently};
use lookups::{bind_rest, lookups_by};
use running::Running;
pub use scrape::{INDEX_ADDRESSES, INDEX_IDENTIFIERS, INDEX_SUBSCRIBERS, READY};
use scrape::{buckets, observer};

use crate::audit::Audit;
use crate::config::Config;
use crate::diameter::apps::Apns;
use crate::diameter::client::Client;
use crate::diameter::codec::LocalIdentity;
use crate::diameter::config::Transport;
use crate::diameter::node::{BoundNode, NodeConfig};
use crate::erasure::admin::ErasingAdmin;
use crate::erasure::{Asked, Eraser, Keeper, KeyError};
use crate::feed::auditing::Auditing;
use crate::feed::diameter::{DiameterFeed, Treatment};
use crate::feed::grpc::GrpcFeed;
use crate::feed::listing::Listing;
use crate::feed::provisioning::Provisioning;
use crate::files::Reload;
use crate::grpc::{GrpcServer, Health, Services};
use crate::hss::Hss;
use crate::hss::admin::HssAdmin;
use crate::index::{Index, sweep};
use crate::ingest::{Feed, Ingest, ReceiptClock};
use crate::liveness::{Kind, Liveness};
use crate::monitoring::admin::MonitoringAdmin;
use crate::monitoring::diameter as s6t;
use crate::monitoring::{Driver, Monitoring};
use crate::northbound::watch::Watching;
use crate::northbound::{Answers, Explain, Lookup};
use crate::ops::admin::Admin;
use crate::ops::build_info;
use crate::ops::health::Readiness;
use crate::ops::lifecycle::Stop;
use crate::proto::v1::FeedKind;
use crate::rest::{Rest, RestServer};
use crate::store::{AnyStore, Store, StoreError, prune};
use crate::watch::Watch;
use crate::{diameter, feed, ops};

const STORE: &str = "store";
const INDEX: &str = "index";
/// How long closing the store's connections may take at the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Where the daemon listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Lookups and ingest.
    pub grpc: SocketAddr,
    /// Diameter over TCP.
    pub diameter: SocketAddr,
    /// Diameter over TLS, if there are certificates.
    pub diameter_tls: Option<SocketAddr>,
    /// Diameter over SCTP, where that is configured.
    pub diameter_sctp: Option<SocketAddr>,
    /// The CAMARA API over HTTP, where that is configured.
    pub rest: Option<SocketAddr>,
    /// Metrics and health.
    pub admin: SocketAddr,
}

/// The daemon, built and not running yet.
#[expect(missing_debug_implementations, reason = "made once and run")]
pub struct App {
    config: Config,
    store: AnyStore,
    index: Arc<Index>,
    ingest: Ingest,
    clock: Arc<ReceiptClock>,
    readiness: Readiness,
    addresses: Addresses,
    grpc: GrpcServer,
    lookups: Answers,
    rest: Option<(RestServer, Arc<Rest>)>,
    node: BoundNode<DiameterFeed>,
    client: Client,
    hss: Hss,
    monitoring: Monitoring,
    listing: Listing,
    watch: Watch,
    audit: Audit,
    diameter_feeds: Vec<Feed>,
    admin: Admin,
}

impl App {
    /// Opens the store's handle and binds every socket, so that what is wrong with the machine shows at once. The
    /// admin endpoint answers from here on.
    ///
    /// # Errors
    /// An address that cannot be bound, an embedded store that cannot be opened.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let metrics = ops::metrics::install(&buckets()).context("metrics")?;
        diameter::metrics::describe();
        let readiness = Readiness::waiting_for(&[STORE, INDEX]);
        let store = AnyStore::open(&config.store)
            .await
            .context("cannot open the store")?;
        let audit = Audit::start(config.audit.path()).context("audit.path: cannot open the audit log")?;
        let index = Arc::new(Index::new().with_routing(config.lookup.routing()));
        let clock = Arc::new(ReceiptClock::default());
        let ingest = Ingest::start(config.ingest.clone(), store.clone(), Arc::clone(&index))
            .with_sessions(config.sessions.clone());

        let cannot_listen = |key: &str, address: SocketAddr| format!("{key}: cannot listen on {address}");
        let admin_address = config.admin.listen;
        let admin = std::net::TcpListener::bind(admin_address)
            .with_context(|| cannot_listen("admin.listen", admin_address))?;
        let grpc = GrpcServer::bind(config.grpc.clone())
            .await
            .with_context(|| cannot_listen("grpc.listen", config.grpc.listen))?;
        let monitoring = Monitoring::new(
            &config.diameter.identity,
            s6t::settings(&config.diameter.s6t),
            Arc::clone(&index),
            Arc::clone(&clock),
        );
        let node_config = NodeConfig::from(config.diameter.clone());
        let client = node_config.client();
        let hss = Hss::new(
            &config.diameter.sh,
            client.clone(),
            ingest.clone(),
            Arc::clone(&clock),
        );
        let askable = Askable {
            hss: &hss,
            monitoring: &monitoring,
            client: &client,
            ingest: &ingest,
            clock: &clock,
        };
        let lookups = lookups_by(&config, &index, &clock, askable.refresh(&config));
        let rest = bind_rest(config.rest.as_ref(), lookups.clone(), audit.clone()).await?;
        let feed = DiameterFeed::new(
            ingest.clone(),
            Arc::clone(&clock),
            LocalIdentity {
                origin_host: config.diameter.identity.as_str().into(),
                origin_realm: config.diameter.realm.as_str().into(),
            },
            Treatment {
                answer_within: config.ingest.answer_within,
                remembered: config.diameter.remembered_requests,
                apns: Apns::named(config.diameter.accounting.apns.iter().map(String::as_str)),
            },
            Arc::new(Everything::asked(monitoring.clone(), hss.clone())),
            client.clone(),
            config.diameter.peers.iter().map(|peer| peer.identity.as_str()),
        );
        let feeds = feed.feeds();
        let node = BoundNode::bind(node_config, feed)?;
        let listing = Listing::default().with_diameter(node.peers(), feeds.clone());

        let addresses = Addresses {
            grpc: grpc.local_addr(),
            diameter: node.local_addr()?,
            diameter_tls: node.address(Transport::Tls).transpose()?,
            diameter_sctp: node.address(Transport::Sctp).transpose()?,
            rest: rest.as_ref().map(|(server, _)| server.local_addr()),
            admin: admin.local_addr()?,
        };
        let watch = Watch::new(&config.watch, Arc::clone(&index));
        let observe = observer(
            Arc::clone(&index),
            watch.clone(),
            ingest.clone(),
            node.peers(),
            hss.clone(),
            monitoring.clone(),
            readiness.clone(),
        );
        let admin = Admin::start(admin, readiness.clone(), metrics, observe).context("the admin endpoint")?;
        readiness.listening("admin", addresses.admin);
        readiness.listening("grpc", addresses.grpc);
        for (listener, address) in [
            ("diameter_tls", addresses.diameter_tls),
            ("diameter_sctp", addresses.diameter_sctp),
            ("rest", addresses.rest),
        ] {
            if let Some(address) = address {
                readiness.listening(listener, address);
            }
        }
        readiness.listening("diameter", addresses.diameter);
        Ok(Self {
            config,
            store,
            index,
            ingest,
            clock,
            readiness,
            addresses,
            grpc,
            lookups,
            rest,
            node,
            client,
            hss,
            monitoring,
            listing,
            watch,
            audit,
            diameter_feeds: feeds,
            admin,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The index, for those who watch from inside.
    pub fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index)
    }

    /// The clock that everything goes by, for those who let time pass.
    pub fn clock(&self) -> Arc<ReceiptClock> {
        Arc::clone(&self.clock)
    }

    /// Readiness, to wait for.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Serves until told to stop, and then stops in order.
    ///
    /// # Errors
    /// A schema this version cannot use, a store that cannot be read, or a part that ended by itself.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let Self {
            config,
            store,
            index,
            ingest,
            clock,
            readiness,
            addresses: _,
            grpc,
            lookups,
            rest,
            node,
            client,
            hss,
            monitoring,
            listing,
            watch,
            audit,
            diameter_feeds,
            admin,
        } = self;
        let begun = Instant::now();
        let pseudonym_key = config.audit.key().context("audit.key_file")?;
        let of_rest = rest
            .iter()
            .flat_map(|(server, rest)| [server.reload(), rest.reload()]);
        let reloads = of_rest.chain([node.reload()]).collect();
        let _reloading = reload_when_asked(&stop, reloads, audit.clone());
        let closing = CancellationToken::new();
        let health = Health::new().await;
        let peers = config.diameter.peers.iter().map(|peer| peer.identity.clone());
        let streams = GrpcFeed::new(ingest.clone(), Arc::clone(&clock), peers, closing.clone());
        let provisioning = Provisioning::new(ingest.clone(), Arc::clone(&clock), closing.clone());
        let asking = CancellationToken::new();
        let network = s6t::Hss::new(
            &config.diameter.s6t,
            client.clone(),
            monitoring.clone(),
            Arc::clone(&clock),
        );
        let driver = Driver::new(
            monitoring.clone(),
            store.clone(),
            network,
            ingest.clone(),
            asking.clone(),
        );
        let answers = [driver.feed(), hss.feed()].into_iter().flatten();
        let quiet = answers.clone().chain([provisioning.feed()]);
        let watched = feeds::peers(&config, diameter_feeds)
            .into_iter()
            .chain(quiet.map(|feed| (feed, Kind::Quiet)));
        let liveness = Liveness::new(
            &config.freshness,
            Arc::clone(&index),
            Arc::clone(&clock),
            ingest.clone(),
            node.peers(),
            watched,
            streams.sources(),
        );
        let listing = answers.fold(
            listing
                .with_grpc(streams.sources())
                .with_lives(ingest.clone())
                .with(FeedKind::Provisioning, provisioning.feed()),
            |listing, feed| listing.with(FeedKind::Answers, feed),
        );
        let services = Services {
            lookup: Lookup::by(lookups.clone()).with_watching(
                Watching::new(watch.clone(), &config.watch, closing.clone()),
                config.watch.heartbeat,
            ),
            ingest: streams,
            admin: feed::admin::Admin::new(
                provisioning,
                listing,
                Arc::new(HssAdmin::new(hss.clone(), closing.clone())),
            )
            .with_watching(Arc::new(MonitoringAdmin::new(
                monitoring.clone(),
                closing.clone(),
            )))
            .with_erasing(Arc::new(ErasingAdmin::new(
                Eraser::new(
                    store.clone(),
                    Arc::clone(&index),
                    ingest.clone(),
                    Arc::clone(&clock),
                    Asked::new(monitoring, hss.clone()),
                ),
                config.erasure.keep_removed_for,
            )))
            .with_forgetting(Arc::new(feeds::Forgetter {
                liveness: liveness.clone(),
                ingest: ingest.clone(),
            }))
            .with_explaining(Arc::new(feeds::Explainer(Explain::new(lookups))))
            .with_auditing(Auditing::new(audit.clone(), ingest.clone())),
            health: health.clone(),
        };
        let grpc = tokio::spawn(grpc.serve(services, closing.clone().cancelled_owned()));
        let rest = rest.map(|(server, rest)| tokio::spawn(server.serve(rest, closing.clone())));

        let watching = tokio::spawn(watch.run(closing.clone()));

        let migrate = || store.migrate();
        let load = async || {
            let (store, index, ingest) = (store.clone(), Arc::clone(&index), ingest.clone());
            let key = pseudonym_key.clone();
            // Before any row: what is told late from here on is refused.
            let keeper =
                Keeper::begin(&config.erasure, key, store.clone(), Arc::clone(&index), ingest).await?;
            let rows =
                load(&store, &index, &clock).await? + driver.load().await? + liveness.load(&store).await?;
            keeper.sweep().await?;
            index.finish_loading();
            Ok((rows, keeper))
        };
        let away = "the store is not available; trying again";
        let loaded = match patiently(&stop, away, migrate, StoreError::is_transient).await {
            Some(Ok(())) => {
                readiness.release(STORE);
                let unread = "the store cannot be read; trying again";
                patiently(&stop, unread, load, KeyError::is_transient).await
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        };
        // What is over is remembered until all that it has superseded has expired as well.
        let remembered = config.store.prune_after.max(config.sessions.expire_after);
        let looking = CancellationToken::new();
        let looked = tokio::spawn(liveness.clone().run(store.clone(), looking.clone()));
        let mut keeping = JoinSet::new();
        keeping.spawn(prune::run(store.clone(), remembered, closing.clone()));
        keeping.spawn(sweep::run(Arc::clone(&index), remembered, closing.clone()));
        keeping.spawn(hss.run(store.clone(), closing.clone()));
        let (node, driver): (JoinHandle<()>, JoinHandle<()>) = match loaded {
            Some(loaded) => {
                let (rows, keeper) = loaded.context("the store cannot be used")?;
                let has_replicas = matches!(store, AnyStore::Postgres(_));
                keeping.spawn(keeper.run(has_replicas, closing.clone()));
                let seconds = begun.elapsed().as_secs_f64();
                tracing::info!(rows, seconds, version = build_info::LONG_VERSION, "ready");
                readiness.release(INDEX);
                health.set_serving(true).await;
                (
                    tokio::spawn(node.run(closing.clone())),
                    tokio::spawn(driver.run()),
                )
            }
            // Stopped while loading: no peer was let in.
            None => (tokio::spawn(pending()), tokio::spawn(pending())),
        };

        let mut running = Running {
            client,
            health,
            index,
            ingest,
            closing,
            asking,
            looking,
            grpc,
            rest,
            node,
            driver,
            watching,
            looked,
            keeping,
        };
        let ended = running.until_told(&stop).await;
        readiness.drain();
        running.health.set_serving(false).await;
        running.stop(config.shutdown.grace, &stop).await;
        // A database that hangs would keep its connections, and this process, for as long as it likes.
        if tokio::time::timeout(CLOSE_WITHIN, store.close()).await.is_err() {
            tracing::warn!("the store's connections did not close in time and are dropped");
        }
        audit.flush().await;
        tracing::info!("stopped");
        drop(admin);
        ended
    }
}

/// Hands the operator's wish on to those who read files and to the audit log, for as long as the result is kept.
fn reload_when_asked(stop: &Stop, reloads: Vec<Reload>, audit: Audit) -> JoinSet<()> {
    let asked = Arc::clone(&stop.reload);
    let mut task = JoinSet::new();
    task.spawn(async move {
        loop {
            asked.notified().await;
            reloads.iter().for_each(Reload::ask);
            audit.reopen().await;
        }
    });
    task
}
