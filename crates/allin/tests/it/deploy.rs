//! `deploy/`: made from the topology, valid for the programs that read it, and truly told in its page.
//!
//! The programs are in an environment of their own, `target/clients/deploy`, which `make deps` makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use allin_testing::middleware::{Etcd, Kafka};
use allin_topology::{Addresses, Topology, render::View};

use crate::{allin, stderr, stdout};

const OVERLAYS: [&str; 2] = ["dev", "production"];
/// Versions of Kubernetes that the manifests are for: the oldest, and the newest that the schemas know.
const VERSIONS: [&str; 2] = ["1.32", "1.37"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One of the checkers, run from a folder with this input.
fn run(tool: &str, folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let program = root().join("target/clients/deploy/bin").join(tool);
    assert!(program.exists(), "{} is missing: `make deps` installs it", program.display());
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the checker starts");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn succeeds(tool: &str, folder: &Path, arguments: &[&str]) -> Output {
    let output = run(tool, folder, arguments, b"");
    assert!(output.status.success(), "{tool} {arguments:?}:\n{}{}", stdout(&output), stderr(&output));
    output
}

/// `deploy/` as it is, and as it will be once everything is built.
fn whole() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    copy(&root().join("deploy"), &place.path().join("deploy"));
    let topology = Topology::embedded();
    let ours = topology.services.iter().filter(|service| !service.foreign_name);
    let built: BTreeSet<&str> = ours.map(|service| service.name.as_str()).collect();
    let addresses = Addresses::new(topology, &BTreeMap::new()).expect("the topology's addresses");
    for file in (View { topology, built: &built, addresses: &addresses }).files() {
        let path = place.path().join(file.path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("is made");
        fs::write(path, file.text).expect("is written");
    }
    place
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("is made");
    for entry in fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => _ = fs::copy(&path, to.join(name)).expect("is copied"),
        }
    }
}

/// Each overlay renders, and all that it comes to is what the schemas of Kubernetes know, with no field besides.
fn check_overlays(place: &Path) {
    let rendered = tempfile::tempdir().expect("a folder");
    for overlay in OVERLAYS {
        let folder = format!("deploy/kubernetes/overlays/{overlay}");
        let text = succeeds("kubectl", place, &["kustomize", &folder]).stdout;
        let file = rendered.path().join(format!("{overlay}.yaml"));
        fs::write(&file, &text).expect("is written");
        for version in VERSIONS {
            let file = file.to_str().expect("text");
            let output = succeeds("kubernetes-validate", place, &["--strict", "-k", version, file]);
            let told = format!("{}{}", stdout(&output), stderr(&output));
            let passed = told.lines().filter(|line| line.starts_with("INFO")).count();
            let unknown: Vec<&str> = told.lines().filter(|line| line.starts_with("WARN")).collect();
            assert!(passed > 50, "{overlay}: only {passed} objects were validated\n{told}");
            // Kinds of the cloud's controller have no schema there; a test of the topology holds them.
            assert!(unknown.iter().all(|line| line.contains("TargetGroupBinding")), "{overlay}: {unknown:?}");
        }
    }
}

#[test]
fn the_manifests_are_valid() {
    check_overlays(&root());
}

#[test]
fn the_manifests_are_valid_once_everything_is_built() {
    check_overlays(whole().path());
}

#[test]
fn jobs_of_operators_are_valid() {
    let job = "deploy/kubernetes/jobs/verify-log.yaml";
    let output = succeeds("kubernetes-validate", &root(), &["--strict", job]);
    assert!(!stdout(&output).contains("WARN"), "{}", stdout(&output));
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let place = tempfile::tempdir().expect("a folder");
    let manifest = fs::read_to_string(root().join("deploy/kubernetes/base/landry/landry-spotapi-web.yaml")).unwrap();
    for (from, to) in [("    spec:\n", "    spek:\n"), ("containerPort: 8080", "containerPort: web")] {
        assert!(manifest.contains(from), "{from:?}");
        fs::write(place.path().join("wrong.yaml"), manifest.replacen(from, to, 1)).unwrap();
        let output = run("kubernetes-validate", place.path(), &["--strict", "wrong.yaml"], b"");
        assert!(!output.status.success(), "{to:?} passed");
    }
}

#[test]
fn the_compose_file_is_valid() {
    let whole = whole();
    for place in [&root(), whole.path()] {
        let file = "deploy/compose/compose.yaml";
        succeeds("check-jsonschema", place, &["--builtin-schema", "vendor.compose-spec", file]);
        let text = fs::read_to_string(place.join(file)).unwrap();
        let wrong = text.replacen("    depends_on:", "    depend_on:", 1);
        assert_ne!(text, wrong);
        let refused =
            run("check-jsonschema", place, &["--builtin-schema", "vendor.compose-spec", "-"], wrong.as_bytes());
        assert!(!refused.status.success(), "a key that compose does not know passed");
    }
}

#[test]
fn the_dockerfile_has_no_known_fault() {
    succeeds("hadolint", &root(), &["Dockerfile"]);
}

#[test]
fn terraforms_files_hold_together() {
    succeeds("python", &root(), &["tests/deploy/terraform.py", "deploy/terraform"]);
    // Where Terraform is, its own word counts on how they are laid out.
    match Command::new("terraform").args(["fmt", "-check", "-diff", "-recursive"]).arg(root().join("deploy")).output() {
        Ok(output) => assert!(output.status.success(), "terraform fmt:\n{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => eprintln!("terraform fmt was not asked: {error}"),
    }
}

/// The binary takes every key of the files that its containers get.
#[test]
fn the_settings_are_those_of_the_binary() {
    let deploy = root().join("deploy");
    let files =
        ["compose/allin.toml", "kubernetes/overlays/dev/allin.toml", "kubernetes/overlays/production/allin.toml"];
    for file in files {
        let place = tempfile::tempdir().expect("a folder");
        let file = deploy.join(file);
        let output = Command::new(env!("CARGO_BIN_EXE_allin"))
            .args(["doctor", "--listen", "off", "--data", "data"])
            .current_dir(place.path())
            .env_clear()
            .env("ALLIN_CONFIG", &file)
            .env("ALLIN_NODE__TOKEN", "0123456789abcdef".repeat(4))
            // The same as there, but for where they are.
            .env("ALLIN_KAFKA__BROKERS", Kafka::shared().brokers())
            .env("ALLIN_KAFKA__CREATE_TOPICS", "true")
            .env("ALLIN_ETCD__ENDPOINTS", Etcd::shared().endpoint())
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{}: {}{}", file.display(), stdout(&output), stderr(&output));
        assert!(stdout(&output).contains("every key is known and valid"), "{}", stdout(&output));
        assert!(stdout(&output).contains("topic spot-operlog"), "the log is in Kafka: {}", stdout(&output));
    }
}

/// Two pods of which one is ready: neither an upgrade nor a drain may wait for the other, or take the one.
#[test]
fn production_has_a_leader_and_a_stand_by() {
    let folder = "deploy/kubernetes/overlays/production";
    let text = succeeds("kubectl", &root(), &["kustomize", folder]);
    let engine = |kind: &str| {
        let is_it = |part: &&str| {
            part.contains(&format!("\nkind: {kind}\n")) && part.contains("\n  name: landry-ces-matchengine\n")
        };
        stdout(&text).split("\n---\n").find(is_it).unwrap_or_else(|| panic!("no {kind}")).to_owned()
    };
    let set = engine("StatefulSet");
    let wanted = ["  replicas: 2\n", "  podManagementPolicy: Parallel\n", "    type: OnDelete", "podAntiAffinity:"];
    for part in wanted {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert!(engine("PodDisruptionBudget").contains("unhealthyPodEvictionPolicy: AlwaysAllow"));
    let reaches = engine("NetworkPolicy");
    for port in ["port: 9092", "port: 2379"] {
        assert!(reaches.contains(port), "{port}: {reaches}");
    }
}

#[test]
fn what_is_written_is_right_and_what_is_left_over_goes() {
    let place = tempfile::tempdir().expect("a folder");
    let told = allin(place.path(), &["topology", "--write"]);
    assert!(stderr(&told).contains("has no topology.yaml"), "{}", stderr(&told));
    fs::write(place.path().join("topology.yaml"), "").unwrap();

    let written = allin(place.path(), &["topology", "--write"]);
    assert!(written.status.success() && stdout(&written).contains("wrote deploy/kubernetes/base/kustomization.yaml"));
    assert!(allin(place.path(), &["topology", "--check"]).status.success());
    assert_eq!(stdout(&allin(place.path(), &["topology", "--write"])), "nothing changed\n");

    let gone = place.path().join("deploy/kubernetes/base/landry/gone.yaml");
    fs::copy(place.path().join("deploy/kubernetes/base/namespaces.yaml"), &gone).unwrap();
    let checked = allin(place.path(), &["topology", "--check"]);
    assert!(!checked.status.success() && stderr(&checked).contains("gone.yaml is left over"), "{}", stderr(&checked));
    assert!(stdout(&allin(place.path(), &["topology", "--write"])).contains("removed "));
    assert!(!gone.exists());
}

/// Every command of ours on the page exists, with every flag that it is given there.
#[test]
fn the_page_names_commands_that_exist() {
    let page = fs::read_to_string(root().join("deploy/README.md")).unwrap();
    let mut commands = BTreeSet::new();
    for line in page.lines() {
        for start in ["/usr/bin/allin ", "`allin "] {
            commands.extend(line.split(start).skip(1).map(|rest| rest.split('`').next().unwrap_or(rest)));
        }
        commands.extend(line.strip_prefix("allin "));
    }
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        let command = command.split(" #").next().unwrap_or(command);
        let words: Vec<&str> = command.split_whitespace().collect();
        let verbs = words.iter().take_while(|word| !word.starts_with('-')).copied();
        let output = allin(&root(), &verbs.chain(["--help"]).collect::<Vec<_>>());
        assert!(output.status.success(), "allin {command}: {}", stderr(&output));
        let help = stdout(&output);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "allin {command}: there is no {flag}");
        }
    }
}

/// Every file and folder that the page leads to is there.
#[test]
fn the_page_leads_to_files_that_exist() {
    let page = fs::read_to_string(root().join("deploy/README.md")).unwrap();
    let mut count = 0;
    for link in page.split("](").skip(1) {
        let path = link.split(')').next().expect("a link ends");
        assert!(root().join("deploy").join(path).exists(), "{path}");
        count += 1;
    }
    for word in page.split_whitespace().map(|word| word.trim_matches(['`', ',', '.', ';'])) {
        if word.starts_with("deploy/") && word != "deploy/compose/.env" {
            assert!(root().join(word).exists(), "{word}");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
