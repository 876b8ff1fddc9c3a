//! The text of SERVICES.md.

use std::fmt::{self, Write};

use crate::{
    model::{Kind, Service},
    render::{View, exposure_text},
};

pub(super) fn render(view: View<'_>) -> String {
    let mut text = String::new();
    write(view, &mut text).expect("writing to a string does not fail");
    text
}

fn write(view: View<'_>, out: &mut String) -> fmt::Result {
    let topology = view.topology;
    writeln!(out, "# Services\n")?;
    writeln!(
        out,
        "Written by `allin topology --write` from [topology.yaml](topology.yaml) and the code's\n\
         registry; a test fails when it is stale. Every service is here, those not built yet included."
    )?;
    for namespace in &topology.namespaces {
        let inside: Vec<&Service> = topology.services.iter().filter(|one| one.namespace == namespace.name).collect();
        if inside.is_empty() {
            continue;
        }
        let built = inside.iter().filter(|one| view.is_built(one)).count();
        writeln!(out, "\n## {}: {} ({built} of {} built)\n", namespace.name, namespace.title, inside.len())?;
        writeln!(out, "| service | built | role | exposure and ports | address | calls or reads |")?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
        for service in inside {
            row(view, service, out)?;
        }
    }
    writeln!(out, "\n## Routes\n\n| host | path | upstream | reachable from |\n| --- | --- | --- | --- |")?;
    for route in &topology.routes {
        let hosts: Vec<String> = route.hosts.iter().map(|host| topology.settings.resolve(host)).collect();
        let websocket = if route.websocket { " (WebSocket)" } else { "" };
        let by_name = if route.by_name { ", and further internal services by name" } else { "" };
        let audience = format!("{:?}", route.audience).to_lowercase();
        let (hosts, path, upstream) = (hosts.join(", "), &route.path, &route.upstream);
        writeln!(out, "| {hosts} | `{path}` | {upstream}{websocket}{by_name} | {audience} |")?;
    }
    writeln!(out, "\n## Middleware\n\n| name | domain | kind |\n| --- | --- | --- |")?;
    for one in &topology.middleware {
        writeln!(out, "| {} | {} | {} |", one.name(&topology.settings), one.domain, one.kind)?;
    }
    Ok(())
}

fn row(view: View<'_>, service: &Service, out: &mut String) -> fmt::Result {
    let built = if view.is_built(service) { "yes" } else { "no" };
    let kind = if service.kind == Kind::Job { "scheduled job: " } else { "" };
    let needs: Vec<&str> = service.depends_on.iter().map(|need| short(service, need)).collect();
    writeln!(
        out,
        "| {} | {built} | {kind}{} | {} | {} | {} |",
        service.name,
        service.role,
        exposure_text(service),
        service.address,
        needs.join(", "),
    )
}

/// Leaves out the namespace where it is the reader's own.
fn short<'a>(service: &Service, name: &'a str) -> &'a str {
    name.strip_prefix(&service.namespace).and_then(|rest| rest.strip_prefix('-')).unwrap_or(name)
}
