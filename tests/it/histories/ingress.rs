//! The Ingress of Kubernetes, from `extensions/v1beta1` over `networking.k8s.io/v1beta1` to `networking.k8s.io/v1`, as
//! <https://kubernetes.io/docs/reference/using-api/deprecation-guide/#ingress-v122> describes the way.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use shrine::fixtures::Laws;
use shrine::prelude::*;
use shrine::state::codec::Encoder;
use shrine::state::from_bytes;
use shrine::state::step::{Chain, StepContext};

use super::document;

#[widget(id = "ingress", version = "1.0.0")]
#[migrate(from = "1.0.0-beta.2", change(spec: SpecV2))]
#[migrate(from = "1.0.0-beta.1", change(spec: SpecV1))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Ingress {
    metadata: ObjectMeta,
    spec: Spec,
}

#[widget]
impl Ingress {}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct ObjectMeta {
    name: String,
    namespace: Option<String>,
    annotations: BTreeMap<String, String>,
}

#[state(version = "3")]
#[migrate(
    from = "2",
    remove(backend: Option<BackendV1>, down = |new| new.default_backend.clone().and_then(|new| flat(new).ok())),
    add(default_backend = |old| old.backend.clone().and_then(|old| service(old).ok())),
    change(rules: Vec<RuleV2>)
)]
#[migrate(from = "1", change(rules: Vec<RuleV1>), add(ingress_class_name = None))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Spec {
    ingress_class_name: Option<String>,
    default_backend: Option<Backend>,
    tls: Vec<Tls>,
    rules: Vec<Rule>,
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Tls {
    hosts: Vec<String>,
    secret_name: Option<String>,
}

#[state(version = "3")]
#[migrate(from = "2", change(http: Option<HttpV2>))]
#[migrate(from = "1", change(http: Option<HttpV1>))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Rule {
    host: Option<String>,
    http: Option<Http>,
}

#[state(version = "3")]
#[migrate(from = "2", change(paths: Vec<PathV2>))]
#[migrate(from = "1", change(paths: Vec<PathV1>))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Http {
    paths: Vec<Path>,
}

#[state(version = "3")]
#[migrate(from = "2", change(backend: BackendV1))]
#[migrate(from = "1", add(path_type = PathType::ImplementationSpecific))]
#[derive(Debug, Clone, PartialEq)]
struct Path {
    path: Option<String>,
    path_type: PathType,
    backend: Backend,
}

#[state]
#[derive(Debug, Clone, Copy, PartialEq)]
enum PathType {
    ImplementationSpecific,
    Exact,
    Prefix,
}

#[state(version = "2")]
#[migrate(
    from = "1",
    remove(service_name: String, service_port: IntOrString),
    add(service),
    with = service,
    down = flat
)]
#[derive(Debug, Clone, PartialEq)]
struct Backend {
    service: Service,
}

#[state]
#[derive(Debug, Clone, PartialEq)]
struct Service {
    name: String,
    port: Port,
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Port {
    number: Option<i32>,
    name: Option<String>,
}

#[state]
#[derive(Debug, Clone, PartialEq)]
enum IntOrString {
    Int(i32),
    String(String),
}

fn service(old: BackendV1) -> Result<Backend, MigrateError> {
    let port = match old.service_port {
        IntOrString::Int(number) => Port { number: Some(number), name: None },
        IntOrString::String(name) => Port { number: None, name: Some(name) },
    };
    Ok(Backend { service: Service { name: old.service_name, port } })
}

fn flat(new: Backend) -> Result<BackendV1, MigrateError> {
    let service_port = match new.service.port {
        Port { number: Some(number), name: None } => IntOrString::Int(number),
        Port { number: None, name: Some(name) } => IntOrString::String(name),
        _ => return Err(MigrateError::new("a port has either a number or a name")),
    };
    Ok(BackendV1 { service_name: new.service.name, service_port })
}

/// A resource without the header that says its kind and version.
fn resource(text: &str) -> Json {
    let mut resource: Json = serde_json::from_str(text).unwrap();
    let fields = resource.as_object_mut().unwrap();
    fields.remove("apiVersion");
    fields.remove("kind");
    resource
}

#[test]
fn an_ingress_of_the_first_beta_becomes_a_stable_one() {
    let old: IngressV1_0_0_beta_1 =
        document::read(&resource(include_str!("data/ingress-extensions-v1beta1.json")));
    let new: Ingress = document::read(&resource(include_str!("data/ingress-networking-v1.json")));
    let migrated = shrine::migrate_from::<Ingress, _>(old.clone()).unwrap();
    assert_eq!(document::show(&migrated.state), document::show(&new));

    let mut out = Encoder::new();
    new.store("1.0.0-beta.1", &mut out, &mut StepContext::default()).unwrap();
    assert_eq!(from_bytes(&out.finish().unwrap()), Ok(old), "and it goes back");
}

#[test]
fn a_port_that_the_beta_has_no_place_for_is_named() {
    let mut new: Ingress = document::read(&resource(include_str!("data/ingress-networking-v1.json")));
    let path = &mut new.spec.rules[0].http.as_mut().unwrap().paths[1];
    path.backend.service.port.name = Some("http".to_owned());
    let error = new.store("1.0.0-beta.1", &mut Encoder::new(), &mut StepContext::default()).unwrap_err();
    let expected = "spec.rules[0].http.paths[1].backend: a port has either a number or a name";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn ingresses_keep_the_laws() {
    let report = Laws::<Ingress>::new().check();
    assert!(report.is_kept(), "{report}");
}
