//! What is made for a cluster, with everything built and with a little: the topology's ports, kinds and arrows, and no others.

mod compose;
mod network;
mod pods;
mod reach;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use allin_topology::{Addresses, Service, Topology, render::File, render::View};
use serde_json::Value;

/// What is written when these services are built.
pub fn files(built: &BTreeSet<&str>) -> Vec<File> {
    let topology = Topology::embedded();
    let addresses = Addresses::new(topology, &BTreeMap::new()).expect("the topology's addresses");
    View { topology, built, addresses: &addresses }.files()
}

/// All of ours; the ingress controller is another project's.
pub fn all() -> BTreeSet<&'static str> {
    ours().map(|service| service.name.as_str()).collect()
}

pub fn ours() -> impl Iterator<Item = &'static Service> {
    Topology::embedded().services.iter().filter(|service| !service.foreign_name)
}

/// The objects of the files below a folder.
pub fn objects(files: &[File], folder: &str) -> Vec<Value> {
    let yaml = files.iter().filter(|file| file.path.starts_with(folder) && file.path.ends_with(".yaml"));
    yaml.flat_map(|file| serde_saphyr::from_multiple::<Value>(&file.text).expect(&file.path)).collect()
}

/// Everything, with everything built.
pub fn whole() -> &'static [File] {
    static WHOLE: LazyLock<Vec<File>> = LazyLock::new(|| files(&all()));
    &WHOLE
}

/// The base with everything built.
pub fn base() -> &'static [Value] {
    static BASE: LazyLock<Vec<Value>> = LazyLock::new(|| objects(whole(), "deploy/kubernetes/base/"));
    &BASE
}

/// The one object of this kind and name.
pub fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    let mut found = objects.iter().filter(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    let first = found.next();
    assert!(found.next().is_none(), "{kind} {name} is there twice");
    first
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn what_is_not_built_is_nowhere_in_what_runs() {
    let built = BTreeSet::from(["landry-ces-matchengine", "landry-spotapi-web"]);
    let written = files(&built);
    for file in &written {
        // The gateway's table has all routes, and SERVICES.md all services, on purpose.
        if file.path.ends_with("apisix.yaml") && !file.path.contains("/base/") || file.path == "SERVICES.md" {
            continue;
        }
        for service in Topology::embedded().services.iter().filter(|one| !built.contains(one.name.as_str())) {
            assert!(!file.text.contains(&service.name), "{} has {}", file.path, service.name);
        }
    }
    let base = objects(&written, "deploy/kubernetes/base/");
    assert!(built.iter().all(|name| find(&base, "Service", name).is_some()));
}

#[test]
fn the_kustomization_lists_every_file_of_the_base() {
    let written = whole();
    let folder = "deploy/kubernetes/base/";
    let kustomization = written.iter().find(|file| file.path == format!("{folder}kustomization.yaml")).unwrap();
    let document: Value = serde_saphyr::from_str(&kustomization.text).unwrap();
    let listed: BTreeSet<&str> = list(&document["resources"]).iter().filter_map(Value::as_str).collect();
    let there =
        written.iter().filter_map(|file| file.path.strip_prefix(folder)).filter(|one| *one != "kustomization.yaml");
    assert_eq!(listed, there.chain(["../../apisix"]).collect());
}

/// Where the shared cache is said to be, there it is; and nowhere where nobody built uses it.
#[test]
fn the_settings_lead_to_the_cache() {
    let url = |written: &[File], path: &str| {
        let file = written.iter().find(|file| file.path == format!("deploy/{path}/allin.toml")).expect(path);
        file.text.lines().find_map(|line| line.strip_prefix("spot_url = ").map(|url| url.trim_matches('"').to_owned()))
    };
    let written = whole();
    let compose: Value = {
        let file = written.iter().find(|file| file.path == "deploy/compose/compose.yaml").expect("the compose file");
        serde_saphyr::from_str(&file.text).expect("YAML")
    };
    assert!(compose["services"]["spotredis"].is_object());
    assert_eq!(url(written, "compose").as_deref(), Some("redis://spotredis:6379"));
    let dev = objects(written, "deploy/kubernetes/overlays/dev/");
    let service = find(&dev, "Service", "spotredis").expect("a service");
    let (namespace, port) = (&service["metadata"]["namespace"], &service["spec"]["ports"][0]["port"]);
    let inside = format!("redis://spotredis.{}.svc.cluster.local:{port}", namespace.as_str().expect("a name"));
    assert_eq!(url(written, "kubernetes/overlays/dev"), Some(inside));
    assert_eq!(url(written, "kubernetes/overlays/production").as_deref(), Some("redis://spotredis.aie.prod:6379"));
    let little = files(&BTreeSet::from(["landry-ces-matchengine"]));
    assert_eq!(url(&little, "compose"), None);
}
