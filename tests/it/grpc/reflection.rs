//! Server reflection, as grpcurl asks for it.

use std::collections::BTreeSet;

use reachd::grpc::GrpcConfig;
use reachd::ingest::IngestConfig;
use tonic::Code;

use super::daemon::Daemon;

const SERVICES: [&str; 4] = [
    "grpc.health.v1.Health",
    "reachability.v1.AdminService",
    "reachability.v1.IngestService",
    "reachability.v1.ReachabilityService",
];

macro_rules! reflection {
    ($version:ident, $test_list:ident, $test_symbol:ident) => {
        mod $version {
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

            use super::super::daemon::{Daemon, within};

            pub(super) async fn ask(
                daemon: &Daemon,
                question: MessageRequest,
            ) -> Result<MessageResponse, tonic::Status> {
                let mut client = ServerReflectionClient::new(daemon.channel().await);
                let request = ServerReflectionRequest {
                    host: String::new(),
                    message_request: Some(question),
                };
                let stream = client
                    .server_reflection_info(tokio_stream::once(request))
                    .await?;
                let response = within(stream.into_inner().message()).await?.unwrap();
                Ok(response.message_response.unwrap())
            }

            #[tokio::test]
            async fn $test_list() {
                let daemon = Daemon::start().await;
                let question = MessageRequest::ListServices(String::new());
                let MessageResponse::ListServicesResponse(list) = ask(&daemon, question).await.unwrap()
                else {
                    panic!("a list was asked for")
                };
                let names: super::BTreeSet<_> = list
                    .service
                    .into_iter()
                    .map(|service| service.name)
                    .collect();
                for service in super::SERVICES {
                    assert!(names.contains(service), "{service}: {names:?}");
                }
            }

            #[tokio::test]
            async fn $test_symbol() {
                let daemon = Daemon::start().await;
                for symbol in [
                    "reachability.v1.ReachabilityService",
                    "google.protobuf.Timestamp",
                ] {
                    let question = MessageRequest::FileContainingSymbol(symbol.to_owned());
                    let answer = ask(&daemon, question).await.unwrap();
                    assert!(
                        matches!(answer, MessageResponse::FileDescriptorResponse(_)),
                        "{answer:?}"
                    );
                }
            }
        }
    };
}

reflection!(
    v1,
    version_1_lists_every_service,
    version_1_gives_the_file_of_a_symbol
);
reflection!(
    v1alpha,
    version_1_alpha_lists_every_service,
    version_1_alpha_gives_the_file_of_a_symbol
);

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let config = GrpcConfig {
        reflection: false,
        ..GrpcConfig::default()
    };
    let daemon = Daemon::start_with(config, IngestConfig::default()).await;
    let question =
        tonic_reflection::pb::v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let status = v1::ask(&daemon, question).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}
